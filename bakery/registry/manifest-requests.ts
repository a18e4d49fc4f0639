/** Reads, writes and deletes manifests. Distribution spec, "pulling manifests", "pushing manifests" */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { retryPolicies } from '../host/retry-policy.rules.ts';
import type { Client } from './authorization.ts';
import { type Manifest, mediaTypes, parseManifest } from './manifest.rules.ts';
import { locate, type Place } from './place.rules.ts';
import { invalid, refusal } from './registry-error.rules.ts';
import { write } from './repeat-write.ts';

export async function readManifest(client: Client, text: string): Promise<Manifest | undefined> {
  const place = locate(text);
  const headers = { accept: mediaTypes.join(', ') };
  const answer = await client.send(place, { url: urlOf(place), headers });
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw refusal(answer);
  let manifest: Manifest;
  try {
    manifest = parseManifest(answer.body);
  } catch (error) {
    throw invalid(answer, error);
  }
  if (place.digest !== undefined && place.digest !== manifest.digest)
    throw invalid(answer, `the registry sent ${manifest.digest}`);
  return manifest;
}

export async function writeManifest(
  client: Client,
  text: string,
  { body, mediaType }: Manifest,
): Promise<void> {
  const place = locate(text);
  const headers = { 'content-type': mediaType };
  const put = { method: 'PUT', url: urlOf(place), headers, body } as const;
  await write(() => client.send(place, put), retryPolicies.writeManifest, client.signal);
}

export async function deleteManifest(client: Client, text: string): Promise<void> {
  const place = locate(text);
  const answer = await client.send(place, { method: 'DELETE', url: urlOf(place) });
  if (answer.status === 405 || answer.status === 501) {
    throw new UserError('E_NO_DELETE', `${place.registry} does not delete manifests`, {
      hint: 'switch deletion on (storage.delete.enabled of the distribution registry), or use its own clean-up',
    });
  }
  if (answer.status !== 202 && answer.status !== 404) throw refusal(answer);
}

function urlOf({ base, digest, tag }: Place): string {
  return `${base}/manifests/${digest ?? tag ?? 'latest'}`;
}
