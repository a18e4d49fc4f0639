/** Exports images into the engine, and repeats exports that lost a race for a snapshot. */

import type { Image } from '../plan/plan.rules.ts';
import { bakeCommand, bakeFile, type EngineOutput } from './bake-file.rules.ts';
import { type BuildResult, repeated } from './builder.ts';
import type { BuildContext } from './context.ts';

export const maximumTries = 4;

/** Exports all images in one call, so that BuildKit sees every layer that they share. */
export function exportImages(
  images: readonly Image[],
  output: EngineOutput,
  { builder, inputs, force }: BuildContext,
): Promise<BuildResult> {
  return repeated(builder, untilExported).build({
    id: `${images.length} ${images.length === 1 ? 'image' : 'images'}`,
    command: bakeCommand(inputs),
    input: JSON.stringify(bakeFile(images, output, inputs, force)),
  });
}

/**
 * Images that are exported at the same time race for the snapshots they share, and the engine then reports that one is
 * missing, exists already, or is locked. Exported images stay, and all layers are cached.
 */
export function isRace(error: string): boolean {
  return /snapshot \S+ does not exist|snapshot .*already exists|locked for|unavailable/.test(error);
}

async function untilExported(attempt: () => Promise<BuildResult>): Promise<BuildResult> {
  let result = await attempt();
  for (let tries = 1; tries < maximumTries && isRace(result.error ?? ''); tries += 1)
    result = await attempt();
  return result;
}
