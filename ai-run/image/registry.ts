import * as z from 'zod/mini';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { capture } from '../host/exec.ts';

/** Registries as docker itself asks them: with its credentials, its helpers and its trust. */

/** Milliseconds that a registry gets to answer: buildx tries again for long where nobody listens. */
const patience = 10_000;

export type Answer =
  | { readonly state: 'found'; readonly digest: string }
  /** In docker's words. */
  | { readonly state: 'refused'; readonly reason: string }
  /** There is no buildx, which is what asks. */
  | { readonly state: 'unknown' };

const Manifest = z.object({ digest: z.string() });

/** What a registry has under a name. @param image with its registry. */
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
    const { data } = Manifest.safeParse(parseJson(stdout));
    return data === undefined ? { state: 'unknown' } : { state: 'found', digest: data.digest };
  }
  if (/unknown command|is not a docker command|unknown flag|unknown shorthand/i.test(stderr))
    return { state: 'unknown' };
  return {
    state: 'refused',
    reason: stderr.trim() === '' ? `no answer in ${patience / 1000} seconds` : stderr,
  };
}
