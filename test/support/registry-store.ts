import { createHash } from 'node:crypto';

/** The content of a registry: tests may read it and spoil it. */
export type Store = {
  /** By `repository@digest`. A blob of one repository is not one of another. */
  readonly blobs: Map<string, Buffer>;
  /** By `repository@digest`. */
  readonly manifests: Map<string, StoredManifest>;
  /** Digests by `repository:tag`. */
  readonly tags: Map<string, string>;
  /** Uploads under way, by their id. */
  readonly uploads: Map<string, Buffer>;
  readonly putBlob: (repository: string, bytes: Buffer | string) => Descriptor;
  /** Puts a manifest, and a tag on it if one is given. */
  readonly putManifest: (
    repository: string,
    manifest: Buffer | string | object,
    tag?: string,
  ) => Descriptor;
  readonly tagsOf: (repository: string) => string[];
};

type StoredManifest = { readonly mediaType: string; readonly bytes: Buffer };
type Descriptor = {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
};

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The field `mediaType`, or the type that the other fields show. */
function mediaTypeOf(manifest: object): string {
  if ('mediaType' in manifest && typeof manifest.mediaType === 'string') return manifest.mediaType;
  return 'manifests' in manifest ? mediaTypes.index : mediaTypes.manifest;
}

export function openStore(): Store {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, StoredManifest>();
  const tags = new Map<string, string>();
  return {
    blobs,
    manifests,
    tags,
    uploads: new Map(),
    putBlob: (repository, content) => {
      const bytes = Buffer.from(content as string);
      const digest = digestOf(bytes);
      blobs.set(`${repository}@${digest}`, bytes);
      return { mediaType: 'application/octet-stream', digest, size: bytes.length };
    },
    putManifest: (repository, manifest, tag) => {
      const isText = typeof manifest === 'string' || Buffer.isBuffer(manifest);
      const bytes = Buffer.from(isText ? (manifest as string) : JSON.stringify(manifest));
      const mediaType = mediaTypeOf(JSON.parse(bytes.toString()) as object);
      const digest = digestOf(bytes);
      manifests.set(`${repository}@${digest}`, { mediaType, bytes });
      if (tag !== undefined) tags.set(`${repository}:${tag}`, digest);
      return { mediaType, digest, size: bytes.length };
    },
    tagsOf: (repository) =>
      [...tags.keys()]
        .filter((name) => name.startsWith(`${repository}:`))
        .map((name) => name.slice(repository.length + 1))
        .toSorted(),
  };
}
