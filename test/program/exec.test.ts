import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const exec = join(import.meta.dirname, '../../ai-run/exec.ts');

/** Ends with what `capture` says of this command, as soon as nothing is left to do. */
const capture = (command: object, timeout: number) =>
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `const { capture } = await import(${JSON.stringify(exec)});
      const said = capture(${JSON.stringify(command)}, undefined, ${timeout});
      await said.then(({ code }) => console.log(code), ({ code }) => console.log(code));`,
    ],
    { encoding: 'utf8', timeout: 15_000 },
  );

test.each([
  [
    'a program that is not there, without waiting',
    { file: 'e2e-nowhere', args: [] },
    60_000,
    'E_NO_PROGRAM',
  ],
  ['a program that ends, without waiting', { file: 'true', args: [] }, 60_000, '0'],
  ['a program that does not end', { file: 'sleep', args: ['60'] }, 200, '137'],
])('ai-run is done with %s', (_, command, timeout, expected) => {
  const { stdout, stderr, signal } = capture(command, timeout);
  expect([stdout, signal], stderr).toEqual([`${expected}\n`, null]);
});
