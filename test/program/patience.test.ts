import { expect, test } from 'vitest';
import { capture, run } from '../../bakery/host/exec.ts';

/** The bakery ends a program that prints nothing for too long. */

const node = (script: string) => ({ file: process.execPath, args: ['-e', script] });
/** Writes a line to stderr at each of these moments, and ends at the last, all in milliseconds. */
const speaking = (...moments: readonly number[]): string =>
  moments.map((at) => `setTimeout(() => console.error(${at}), ${at});`).join('');
const forever = 'setInterval(() => {}, 1000);';

test('a program that stands still is ended', async () => {
  const lines: string[] = [];
  const started = performance.now();
  const ended = await run(node(speaking(0) + forever), {
    silence: 500,
    onLine: (line) => lines.push(line),
  });
  expect(ended).toMatchObject({ timedOut: true, signal: 'SIGTERM' });
  expect(lines).toEqual(['0']);
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('one that says something in time is not, however long it takes', async () => {
  const ended = await run(node(speaking(0, 800, 1600, 2400)), {
    silence: 2000,
    onLine: () => undefined,
  });
  expect(ended).toMatchObject({ timedOut: false, exitCode: 0 });
});

test('one that must succeed and takes too long is told from one that fails', async () => {
  await expect(capture(node(forever), { timeout: 500 })).rejects.toMatchObject({
    code: 'E_TIMEOUT',
    message: expect.stringContaining('ran out of time'),
  });
  await expect(capture(node('process.exit(3)'), { timeout: 10_000 })).rejects.toMatchObject({
    code: 'E_COMMAND',
  });
});
