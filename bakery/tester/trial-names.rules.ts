/** Names of tests' containers and images: each has the time of its run, so that those of killed runs are known. */

/** Label of the containers that tests run in. */
export const trialLabel = 'ai-run.trial';

/** The repository, in the engine alone, in which images have a name while they are tested. */
export const trialRepository = 'bakery-trial';

/** Milliseconds. No run takes so long. */
const longest = 24 * 60 * 60 * 1000;

/**
 * `1763802624-3f9a2c`
 * @param began milliseconds since 1970.
 * @param id tells apart the runs that began in the same second.
 */
export function trialName(began: number, id: string): string {
  return `${Math.floor(began / 1000)}-${id}`;
}

/** Whether a name that begins with a trial's name was left by a run that ended long ago. */
export function isAbandoned(name: string, now: number): boolean {
  const seconds = /^(\d{9,11})-/.exec(name)?.[1];
  return seconds !== undefined && now - Number(seconds) * 1000 > longest;
}
