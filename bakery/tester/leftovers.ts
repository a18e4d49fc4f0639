/** Removes containers and names of images that tests killed more than a day ago left in the engine. */

import { isAbandoned, trialLabel, trialRepository } from './trial-names.rules.ts';
import { removeContainers } from '../engine/containers.ts';
import type { Engine } from '../engine/engine.ts';
import { removeNames } from '../engine/images.ts';

/** Best effort: never throws. */
export async function sweepTests(engine: Engine): Promise<void> {
  await removeContainers(engine, trialLabel, isLeft).catch(() => undefined);
  await removeNames(engine, trialRepository, isLeft).catch(() => undefined);
}

function isLeft(name: string): boolean {
  return isAbandoned(name, Date.now());
}
