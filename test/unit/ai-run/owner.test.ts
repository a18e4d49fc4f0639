import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { isGone, thisOwner } from '../../../ai-run/session/owner.ts';

describe('an owner', () => {
  test('is this process as long as it lives', async () => {
    const owner = await thisOwner();
    expect(owner).toMatchObject({ host: hostname(), pid: process.pid });
    expect(await isGone(owner)).toBe(false);
  });

  test('is gone when its process has ended', async () => {
    const child = spawn('true');
    const pid = child.pid ?? 0;
    await once(child, 'exit');
    expect(await isGone({ ...(await thisOwner()), pid })).toBe(true);
  });

  test('is gone when its process id belongs to another process', async () => {
    const owner = await thisOwner();
    expect(await isGone({ ...owner, started: 'before' })).toBe(true);
  });

  test.each([
    ['another machine', { host: 'elsewhere' }],
    ['another user', { uid: 4_000_000 }],
  ])('of %s is not judged', async (_, change) => {
    expect(await isGone({ ...(await thisOwner()), pid: 4_000_000, ...change })).toBe(false);
  });
});
