/** A client's request to a registry. Distribution spec, "endpoints" */
export type RegistryRequest = {
  readonly method: string;
  readonly about: 'registry' | 'manifest' | 'blob' | 'upload' | 'tags' | 'token';
  /** Without the registry: `acme/ai-claude`; empty where it is about none. */
  readonly repository: string;
  /** A tag or a digest of a manifest, the digest of a blob, or of what is uploaded where the request names it. */
  readonly reference: string;
};

export const tokenPath = '/token';

export const parseRequest = (method: string, url: string): RegistryRequest => {
  const { pathname, searchParams } = new URL(url, 'http://registry');
  if (pathname === tokenPath) return { method, about: 'token', repository: '', reference: '' };
  const match = /^\/v2\/(.+)\/(manifests|blobs|tags)\/(.*)$/.exec(pathname);
  const [, repository = '', kind, rest = ''] = match ?? [];
  if (kind === 'manifests')
    return { method, about: 'manifest', repository, reference: decodeURIComponent(rest) };
  if (kind === 'tags') return { method, about: 'tags', repository, reference: '' };
  if (kind === undefined) return { method, about: 'registry', repository: '', reference: '' };
  return rest.startsWith('uploads/')
    ? { method, about: 'upload', repository, reference: searchParams.get('digest') ?? '' }
    : { method, about: 'blob', repository, reference: rest };
};

export const isWrite = ({ method }: RegistryRequest): boolean =>
  method !== 'GET' && method !== 'HEAD';

/** Tags that users know, of the catalogue that is published here; what else there is, publishing puts there for itself. */
export const isPublicTag = (tag: string): boolean => /^(?:\d.*-)?(?:base|mini)$|^latest$/.test(tag);
