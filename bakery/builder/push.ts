import { join } from 'node:path';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import {
  build,
  type BuildContext,
  type BuildResult,
  isRace,
  logName,
  maximumTries,
} from './buildx.ts';
import { bakeCommand, bakeFile, pushedDigests, type RegistryOutput } from './bake-file.rules.ts';
import { isPassing, isTorn, retryDelay } from '../registry/challenge.rules.ts';
import type { Image } from '../plan/plan.rules.ts';
import { readText } from '../catalogue/load.ts';
import { pause } from '../host/retry.ts';

/** What became of a push; digests by image id, for those that BuildKit says it pushed. */
export type Pushed = {
  readonly result: BuildResult;
  readonly digests: ReadonlyMap<string, Digest>;
};

/**
 * Builds into a registry until there is a result that will not change by trying again. BuildKit gives up on a registry after seven
 * seconds, and asks one that wants to be left alone at once again; what was pushed is not pushed twice, so that another try
 * costs little. One that stands still is begun again as well: containerd's pusher waits for ever where a token ends in the
 * middle of an upload and the next one is not to be had at once.
 */
export async function untilPushed(
  again: () => Promise<BuildResult>,
  signal: AbortSignal,
): Promise<BuildResult> {
  let result = await again();
  for (let tries = 1; tries < maximumTries; tries += 1) {
    const { error = '', stuck = false } = result;
    const isBusy = isPassing(error) || isTorn(error);
    if (!isRace(error) && !isBusy && !stuck) break;
    // Sixteen times what a single request would wait: BuildKit has asked several times already.
    if (isBusy) await pause(retryDelay(undefined, tries + 4, Math.random()), signal);
    result = await again();
  }
  return result;
}

/**
 * All these images in one call, into a registry.
 * @param id names this push in the display and in the logs.
 */
export async function pushImages(
  id: string,
  images: readonly Image[],
  output: RegistryOutput,
  context: BuildContext,
): Promise<Pushed> {
  const metadata = join(context.logs, `${logName(id)}.json`);
  const again = (): Promise<BuildResult> =>
    build(
      id,
      bakeCommand(context.inputs, metadata),
      JSON.stringify(bakeFile(images, output, context.inputs, context.force)),
      context,
    );
  const result = await untilPushed(again, context.signal);
  const digests = result.ok ? pushedDigests(await readText(metadata), images) : new Map();
  return { result, digests };
}
