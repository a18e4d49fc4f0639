import { randomUUID } from 'node:crypto';
import { bodyOf, type Call, refuse } from './registry-answer.ts';
import { digestOf } from './registry-store.ts';

/** Answers requests for blobs, their uploads and their mounts. */

export async function answerBlob(call: Call): Promise<void> {
  const { incoming, outgoing, store, repository, rest } = call;
  if (rest === 'uploads/' && incoming.method === 'POST') return begin(call);
  if (rest.startsWith('uploads/')) return upload(call);
  const found = store.blobs.get(`${repository}@${rest}`);
  if (found === undefined)
    return refuse(outgoing, { status: 404, error: ['BLOB_UNKNOWN', 'blob unknown to registry'] });
  outgoing.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-length': found.length,
    'docker-content-digest': rest,
  });
  outgoing.end(incoming.method === 'HEAD' ? undefined : found);
}

async function begin(call: Call): Promise<void> {
  const { incoming, outgoing, store, options, repository, query } = call;
  const mount = query.get('mount');
  const source = store.blobs.get(`${query.get('from')}@${mount}`);
  if (mount !== null && source !== undefined && options.mounts !== false) {
    store.blobs.set(`${repository}@${mount}`, source);
    return created(call, mount);
  }
  const id = randomUUID();
  store.uploads.set(id, await bodyOf(incoming));
  if (query.has('digest')) return finish(call, id);
  const location = `${options.uploads?.() ?? ''}/v2/${repository}/blobs/uploads/${id}?state=x`;
  outgoing.writeHead(202, { location, range: '0-0' }).end();
}

async function upload(call: Call): Promise<void> {
  const { incoming, outgoing, store, repository, rest } = call;
  const id = rest.slice('uploads/'.length);
  const before = store.uploads.get(id);
  if (before === undefined) {
    incoming.resume();
    return refuse(outgoing, { status: 404, error: ['BLOB_UPLOAD_UNKNOWN', 'blob upload unknown'] });
  }
  const bytes = Buffer.concat([before, await bodyOf(incoming)]);
  store.uploads.set(id, bytes);
  if (incoming.method === 'PUT') return finish(call, id);
  const location = `/v2/${repository}/blobs/uploads/${id}?state=x`;
  outgoing.writeHead(202, { location, range: `0-${bytes.length - 1}` }).end();
}

function finish(call: Call, id: string): void {
  const { outgoing, store, repository, query } = call;
  const bytes = store.uploads.get(id) ?? Buffer.alloc(0);
  store.uploads.delete(id);
  const digest = query.get('digest') ?? '';
  if (digestOf(bytes) !== digest)
    return refuse(outgoing, {
      status: 400,
      error: ['DIGEST_INVALID', 'provided digest did not match uploaded content'],
    });
  store.blobs.set(`${repository}@${digest}`, bytes);
  created(call, digest);
}

function created({ outgoing, repository }: Call, digest: string): void {
  const headers = { location: `/v2/${repository}/blobs/${digest}` };
  outgoing.writeHead(201, { ...headers, 'docker-content-digest': digest }).end();
}
