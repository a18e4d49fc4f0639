/** Reads, uploads and mounts blobs. Distribution spec, "pulling blobs", "pushing blobs", "mounting a blob" */

import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { retryPolicies } from '../host/retry-policy.rules.ts';
import type { Client } from './authorization.ts';
import { digestOf } from './manifest.rules.ts';
import { locate, type Place } from './place.rules.ts';
import { invalid, refusal } from './registry-error.rules.ts';
import type { Answer } from './transport.ts';
import { write } from './repeat-write.ts';

export async function readBlob(
  client: Client,
  repository: string,
  digest: Digest,
): Promise<Uint8Array<ArrayBuffer>> {
  const place = locate(repository);
  const url = `${place.base}/blobs/${digest}`;
  const answer = await client.send(place, { url, isLarge: true });
  if (answer.status !== 200) throw refusal(answer);
  const found = digestOf(answer.body);
  if (found !== digest) throw invalid(answer, `the registry sent another ${digest}`);
  return answer.body;
}

export async function writeBlob(
  client: Client,
  repository: string,
  body: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const place = locate(repository);
  const upload = (): Promise<Answer> => uploadOnce(client, place, body);
  await write(upload, retryPolicies.writeBlob, client.signal);
}

export async function mountBlob(
  client: Client,
  repository: string,
  digest: Digest,
  from: string,
): Promise<boolean> {
  const place = locate(repository);
  if (await hasBlob(client, place, digest)) return true;
  const query = new URLSearchParams({ mount: digest, from: locate(from).repository });
  const url = `${place.base}/blobs/uploads/?${query.toString()}`;
  const answer = await client.send(place, { method: 'POST', url });
  // 202: the registry does not mount, and has begun an upload instead.
  if (answer.status !== 201 && answer.status !== 202) throw refusal(answer);
  return answer.status === 201;
}

/** The upload may go to another origin, such as an object store: the client sends no credentials there. */
async function uploadOnce(
  client: Client,
  place: Place,
  body: Uint8Array<ArrayBuffer>,
): Promise<Answer> {
  const digest = digestOf(body);
  const there = await headBlob(client, place, digest);
  if (there.status === 200) return there;
  const begun = await client.send(place, { method: 'POST', url: `${place.base}/blobs/uploads/` });
  if (begun.status !== 202) return begun;
  const location = begun.headers.get('location') ?? '';
  if (!URL.canParse(location, place.base))
    throw invalid(begun, `invalid location of the upload: ${JSON.stringify(location)}`);
  const url = new URL(location, place.base);
  url.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  return client.send(place, { method: 'PUT', url: url.href, headers, body, isLarge: true });
}

async function hasBlob(client: Client, place: Place, digest: Digest): Promise<boolean> {
  return (await headBlob(client, place, digest)).status === 200;
}

function headBlob(client: Client, place: Place, digest: Digest): Promise<Answer> {
  return client.send(place, { method: 'HEAD', url: `${place.base}/blobs/${digest}` });
}
