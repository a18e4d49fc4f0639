import { bodyOf, type Call, refuse } from './registry-answer.ts';
import { digestOf } from './registry-store.ts';

/** Answers requests for manifests and lists of tags. */

export async function answerManifest(call: Call): Promise<void> {
  const { incoming, outgoing, store, repository, rest } = call;
  if (incoming.method === 'PUT') return put(call);
  const digest = rest.startsWith('sha256:') ? rest : store.tags.get(`${repository}:${rest}`);
  const found = store.manifests.get(`${repository}@${digest}`);
  if (incoming.method === 'DELETE') return remove(call, found !== undefined);
  if (found === undefined || digest === undefined)
    return refuse(outgoing, { status: 404, error: ['MANIFEST_UNKNOWN', 'manifest unknown'] });
  outgoing.writeHead(200, {
    'content-type': found.mediaType,
    'content-length': found.bytes.length,
    'docker-content-digest': digest,
  });
  outgoing.end(incoming.method === 'HEAD' ? undefined : found.bytes);
}

export function answerTags({ outgoing, store, options, repository, query }: Call): void {
  const all = store.tagsOf(repository);
  if (
    all.length === 0 &&
    ![...store.manifests.keys()].some((name) => name.startsWith(`${repository}@`))
  )
    return refuse(outgoing, { status: 404, error: ['NAME_UNKNOWN', 'repository name not known'] });
  const last = query.get('last') ?? '';
  const size = Math.min(
    options.pageSize ?? Number.POSITIVE_INFINITY,
    Number(query.get('n') ?? 1000),
  );
  const rest = all.filter((tag) => tag > last);
  const tags = rest.slice(0, size);
  if (rest.length > tags.length) {
    const next = new URLSearchParams({ n: String(size), last: tags.at(-1) ?? '' });
    outgoing.setHeader('link', `</v2/${repository}/tags/list?${next.toString()}>; rel="next"`);
  }
  outgoing.setHeader('content-type', 'application/json');
  outgoing.end(JSON.stringify({ name: repository, tags }));
}

async function put({ incoming, outgoing, store, repository, rest }: Call): Promise<void> {
  const bytes = await bodyOf(incoming);
  const digest = digestOf(bytes);
  const isDigest = rest.startsWith('sha256:');
  if (isDigest && rest !== digest)
    return refuse(outgoing, { status: 400, error: ['DIGEST_INVALID', `it is ${digest}`] });
  const parts = partsOf(bytes);
  if (parts === undefined)
    return refuse(outgoing, { status: 400, error: ['MANIFEST_INVALID', 'manifest invalid'] });
  const isThere = (part: string): boolean =>
    store.blobs.has(`${repository}@${part}`) || store.manifests.has(`${repository}@${part}`);
  if (!parts.every(isThere))
    return refuse(outgoing, {
      status: 400,
      error: ['MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry'],
    });
  const mediaType = incoming.headers['content-type'] ?? '';
  store.manifests.set(`${repository}@${digest}`, { mediaType, bytes });
  if (!isDigest) store.tags.set(`${repository}:${rest}`, digest);
  const headers = { location: `/v2/${repository}/manifests/${digest}` };
  outgoing.writeHead(201, { ...headers, 'docker-content-digest': digest }).end();
}

function remove({ outgoing, store, options, repository, rest }: Call, isThere: boolean): void {
  if (options.deletes === false)
    return refuse(outgoing, { status: 405, error: ['UNSUPPORTED', 'deletion is off'] });
  if (!isThere) return refuse(outgoing, { status: 404, error: ['MANIFEST_UNKNOWN'] });
  store.manifests.delete(`${repository}@${rest}`);
  for (const [name, digest] of store.tags)
    if (name === `${repository}:${rest}` || (digest === rest && name.startsWith(`${repository}:`)))
      store.tags.delete(name);
  outgoing.writeHead(202).end();
}

type Named = { readonly digest: string };

/** Digests that a manifest names; undefined for a body that is not a manifest. */
function partsOf(bytes: Buffer): string[] | undefined {
  try {
    const { config, layers, manifests } = JSON.parse(bytes.toString()) as {
      config?: Named;
      layers?: Named[];
      manifests?: Named[];
    };
    const parts = [
      ...(config === undefined ? [] : [config]),
      ...(layers ?? []),
      ...(manifests ?? []),
    ];
    return parts.map(({ digest }) => digest);
  } catch {
    return undefined;
  }
}
