/** Names of what tests need in an engine while they last: they say when they began, so that what killed ones left can be told. */

/** Label of the containers that tests run in. */
export const trialLabel = 'ai-run.trial';

/** The repository, of the engine alone, in which images have a name while they are tested. */
export const trialRepository = 'bakery-trial';

/** Milliseconds. No run lasts for so long. */
const longest = 24 * 60 * 60 * 1000;

/**
 * `1763802624-3f9a2c`
 * @param began milliseconds since 1970.
 * @param id what tells apart those that began in the same second.
 */
export function trialName(began: number, id: string): string {
  return `${Math.floor(began / 1000)}-${id}`;
}

/** Whether what has this name, or a name that begins with it, was left by a run that ended long ago. */
export function isAbandoned(name: string, now: number): boolean {
  const seconds = /^(\d{9,11})-/.exec(name)?.[1];
  return seconds !== undefined && now - Number(seconds) * 1000 > longest;
}
