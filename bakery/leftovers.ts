import { isAbandoned, trialLabel, trialRepository } from './core/trial.ts';
import { type Engine, removeContainers, removeNames } from './engine.ts';

const isLeft = (name: string): boolean => isAbandoned(name, Date.now());

/**
 * Removes what tests that were killed long ago left in the engine: containers that were made and not started, and names of
 * images. Never fails: it is nobody's main errand.
 */
export const sweepTests = async (engine: Engine): Promise<void> => {
  await removeContainers(engine, trialLabel, isLeft).catch(() => undefined);
  await removeNames(engine, trialRepository, isLeft).catch(() => undefined);
};
