import { afterEach, describe, expect, test, vi } from 'vitest';
import { persist } from '../../../bakery/host/retry.ts';
import {
  retryPolicies,
  type RetryPolicy,
  retryPause,
  type RetryReason,
} from '../../../bakery/host/retry-policy.rules.ts';

/** Fails so many times with `busy`, and counts. */
const failing = (times: number) => {
  let calls = 0;
  return {
    calls: () => calls,
    attempt: () => {
      calls += 1;
      return calls > times ? Promise.resolve(calls) : Promise.reject(new Error('busy'));
    },
  };
};
const next = (previous = 0): Promise<number> => Promise.resolve(previous + 1);
const ofError = (error: unknown): RetryReason | undefined =>
  String(error).includes('busy') ? 'busy' : undefined;
const { signal } = new AbortController();
/** Pauses of a few milliseconds. */
const policy: RetryPolicy = { tries: 4, firstPause: 4, reasons: ['busy', 'stuck'] };

afterEach(() => {
  vi.useRealTimers();
});

describe('persist', () => {
  test('repeats an attempt until it succeeds', async () => {
    const { attempt } = failing(3);
    expect(await persist(attempt, { policy, ofError, signal })).toBe(4);
  });

  test('gives up in the end, with the last error', async () => {
    const { attempt, calls } = failing(4);
    const ended = persist(attempt, { policy, ofError, signal });
    await expect(ended).rejects.toThrow('busy');
    expect(calls()).toBe(4);
  });

  test.each<[string, Partial<Parameters<typeof persist>[1]>]>([
    ['a final error', { ofError: () => undefined }],
    ['any error by default', {}],
    ['a reason that the policy does not name', { ofError: () => 'rate limit' }],
  ])('does not repeat an attempt after %s', async (_, options) => {
    const { attempt, calls } = failing(1);
    const ended = persist(attempt, { policy, signal, ...options });
    await expect(ended).rejects.toThrow('busy');
    expect(calls()).toBe(1);
  });

  test('judges results too, and returns the last one', async () => {
    const seen: (number | undefined)[] = [];
    const attempt = (previous: number | undefined): Promise<number> => {
      seen.push(previous);
      return Promise.resolve((previous ?? 0) + 1);
    };
    const until = (last: number) =>
      persist(attempt, {
        policy,
        signal,
        ofResult: (result) => (result < last ? 'stuck' : undefined),
      });
    expect(await until(3)).toBe(3);
    expect(seen).toEqual([undefined, 1, 2]);
    expect(await until(9)).toBe(4);
  });

  test('waits as long as the server requests', async () => {
    const started = performance.now();
    await persist(next, {
      policy: { ...policy, firstPause: 60_000 },
      signal,
      ofResult: (result) => (result < 2 ? 'busy' : undefined),
      pauseOf: () => 30,
    });
    expect(performance.now() - started).toBeGreaterThan(25);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('interrupted, it does not try again', async () => {
    const { attempt, calls } = failing(1);
    const controller = new AbortController();
    const ended = persist(attempt, {
      policy: { ...policy, firstPause: 60_000 },
      ofError: (error) => {
        setImmediate(() => controller.abort());
        return ofError(error);
      },
      signal: controller.signal,
    });
    await expect(ended).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(calls()).toBe(1);
  });
});

describe('retryPause', () => {
  test.each([
    ['the requested time', 3000, 1, 0.5, 3000],
    ['never longer than a minute', 3_600_000, 1, 0.5, 60_000],
    ['never less than nothing', -5, 1, 0.5, 0],
    ['a quarter of a second at first', undefined, 1, 0.5, 250],
    ['twice as long each time', undefined, 3, 0.5, 1000],
    ['less by chance', undefined, 3, 0, 500],
    ['more by chance', undefined, 3, 1, 1500],
  ])('%s', (_, requested, tries, chance, wait) => {
    const pause = retryPause(retryPolicies.request, 'busy', { requested, tries, chance });
    expect(pause).toBe(wait);
  });

  test.each([
    ['expired token', 0],
    ['snapshot race', 0],
    ['stuck', 0],
    ['blob unknown', 8000],
  ] as const)('of a push, after %s: %i', (reason, wait) => {
    expect(retryPause(retryPolicies.push, reason, { tries: 2, chance: 0.5 })).toBe(wait);
  });
});
