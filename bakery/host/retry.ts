/** Repeats an attempt under a retry policy. */

import { setTimeout } from 'node:timers/promises';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type RetryPolicy, retryPause, type RetryReason } from './retry-policy.rules.ts';

export type Persistence<T> = {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
  /** Why this result is not final; undefined if it is. Default: every result is final. */
  readonly ofResult?: (result: T) => RetryReason | undefined;
  /** Why another attempt may not throw this error; undefined if it would. Default: every error is final. */
  readonly ofError?: (error: unknown) => RetryReason | undefined;
  /** Milliseconds that the server has requested with this result. */
  readonly pauseOf?: (result: T) => number | undefined;
};

/**
 * Repeats an attempt with growing pauses, until its end is final or the policy's attempts are used up.
 * @param attempt receives the result of the attempt before it.
 * @returns the last result.
 * @throws the last error; UserError E_INTERRUPTED.
 */
export async function persist<T>(
  attempt: (previous: T | undefined) => Promise<T>,
  { policy, signal, ofResult, ofError, pauseOf }: Persistence<T>,
): Promise<T> {
  let previous: T | undefined;
  for (let tries = 1; ; tries += 1) {
    const mayRepeat = (reason: RetryReason | undefined): reason is RetryReason =>
      reason !== undefined && tries < policy.tries && policy.reasons.includes(reason);
    let reason: RetryReason | undefined;
    let requested: number | undefined;
    try {
      previous = await attempt(previous);
      reason = ofResult?.(previous);
      if (!mayRepeat(reason)) return previous;
      requested = pauseOf?.(previous);
    } catch (error) {
      reason = signal.aborted ? undefined : ofError?.(error);
      if (!mayRepeat(reason)) throw error;
    }
    await pause(retryPause(policy, reason, { tries, requested, chance: Math.random() }), signal);
  }
}

/** Waits. @throws UserError E_INTERRUPTED at once if it is interrupted. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0)
    await setTimeout(milliseconds, undefined, { signal }).catch(() => undefined);
  if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
}
