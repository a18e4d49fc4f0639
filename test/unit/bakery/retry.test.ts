import { describe, expect, test } from 'vitest';
import { persist } from '../../../bakery/host/retry.ts';

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
const mayPass = (error: unknown): boolean => String(error).includes('busy');
const { signal } = new AbortController();
/** Pauses of a few milliseconds. */
const before = -6;

describe('persist', () => {
  test('goes on until it goes well', async () => {
    const { attempt } = failing(3);
    expect(await persist(attempt, { tries: 4, before, mayPass, signal })).toBe(4);
  });

  test('gives up in the end, with what was thrown last', async () => {
    const { attempt, calls } = failing(4);
    const ended = persist(attempt, { tries: 4, before, mayPass, signal });
    await expect(ended).rejects.toThrow('busy');
    expect(calls()).toBe(4);
  });

  test('tries what does not pass once', async () => {
    const { attempt, calls } = failing(1);
    const ended = persist(attempt, { tries: 4, before, mayPass: () => false, signal });
    await expect(ended).rejects.toThrow('busy');
    expect(calls()).toBe(1);
  });

  test('interrupted, it does not try again', async () => {
    const { attempt, calls } = failing(1);
    const controller = new AbortController();
    const ended = persist(attempt, {
      tries: 4,
      before: 20,
      mayPass: (error) => {
        setImmediate(() => controller.abort());
        return mayPass(error);
      },
      signal: controller.signal,
    });
    await expect(ended).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(calls()).toBe(1);
  });
});
