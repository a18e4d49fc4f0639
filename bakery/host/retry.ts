import { setTimeout } from 'node:timers/promises';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { retryDelay } from '../registry/challenge.rules.ts';

/** Trying again what may go well in a while. */

export type Persistence = {
  /** How often it is tried at most. */
  readonly tries: number;
  /** How often who is asked has tried by itself, each time: the pauses begin as long as they would be after that. */
  readonly before?: number;
  /** Whether what was thrown may be otherwise in a while. */
  readonly mayPass: (error: unknown) => boolean;
  readonly signal: AbortSignal;
};

/** Waits, or throws UserError E_INTERRUPTED as soon as it is interrupted. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, { signal }).catch(() => undefined);
  if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
}

/**
 * Tries with growing pauses, until it goes well.
 * @throws the last error, or the first one that does not pass; UserError E_INTERRUPTED.
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  { tries, before = 0, mayPass, signal }: Persistence,
): Promise<T> {
  for (let nth = 1; ; nth += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (nth >= tries || !mayPass(error)) throw error;
    }
    await pause(retryDelay(undefined, nth + before, Math.random()), signal);
  }
}
