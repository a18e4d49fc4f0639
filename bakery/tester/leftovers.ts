import { isAbandoned, trialLabel, trialRepository } from './trial-names.rules.ts';
import { removeContainers } from '../engine/containers.ts';
import type { Engine } from '../engine/engine.ts';
import { removeNames } from '../engine/images.ts';

/**
 * Removes what tests that were killed long ago left in the engine: containers that were made and not started, and names of
 * images. Never fails: it is nobody's main errand.
 */
export async function sweepTests(engine: Engine): Promise<void> {
  await removeContainers(engine, trialLabel, isLeft).catch(() => undefined);
  await removeNames(engine, trialRepository, isLeft).catch(() => undefined);
}

function isLeft(name: string): boolean {
  return isAbandoned(name, Date.now());
}
