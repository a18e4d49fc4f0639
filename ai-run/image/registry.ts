/** Requests to registries by docker's client, with its credentials, helpers and certificates. */

import * as z from 'zod/mini';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { capture } from '../host/exec.ts';

/** Milliseconds to wait for a registry: buildx retries for a long time if it is unreachable. */
const patience = 10_000;

export type Answer =
  | { readonly state: 'found'; readonly digest: string }
  /** The reason is docker's message. */
  | { readonly state: 'refused'; readonly reason: string }
  /** buildx, which makes the request, is not installed. */
  | { readonly state: 'unknown' };

const Manifest = z.object({ digest: z.string() });

/**
 * Returns the digest that a registry has for a name.
 * @param image the name with its registry.
 */
export async function askRegistry(image: string): Promise<Answer> {
  const { code, stdout, stderr } = await capture(
    {
      file: 'docker',
      args: ['buildx', 'imagetools', 'inspect', '--format={{json .Manifest}}', image],
    },
    undefined,
    patience,
  );
  if (code === 0) {
    const found = parseJson(stdout, Manifest);
    return found === undefined ? { state: 'unknown' } : { state: 'found', digest: found.digest };
  }
  if (/unknown command|is not a docker command|unknown flag|unknown shorthand/i.test(stderr))
    return { state: 'unknown' };
  return {
    state: 'refused',
    reason: stderr.trim() === '' ? `no answer in ${patience / 1000} seconds` : stderr,
  };
}
