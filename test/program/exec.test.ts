import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const exec = join(import.meta.dirname, '../../ai-run/host/exec.ts');

/** Prints the result of `capture` for this command, as soon as nothing is left to do. */
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

/** Prints the signals that it gets: a SIGINT or not, and then a TERM; `$PPID` is the process that attached it. */
const told = `trap 'echo interrupted; exit 9' INT; trap 'echo ended; exit 5' TERM
  kill -INT $PPID; sleep 1; kill -TERM $PPID; sleep 1; sleep 1`;
const attaching = [
  process.execPath,
  '--input-type=module',
  '--eval',
  `const { attach } = await import(${JSON.stringify(exec)});
  process.exitCode = await attach(${JSON.stringify({ file: 'sh', args: ['-c', told] })});`,
] as const;

/** All of its output, and its exit code. */
const runs = async (file: string, args: readonly string[], detached = false) => {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'], detached });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: output.trim() };
};

test('without a terminal, a command hears of a SIGINT that only ai-run got', async () => {
  const [file, ...args] = attaching;
  expect(await runs(file, args, true)).toEqual({ code: 9, output: 'interrupted' });
});

test('in a terminal, which sends Ctrl-C to both, it is not told again', async () => {
  const line = attaching.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  expect(await runs('script', ['-qefc', line, '/dev/null'])).toEqual({ code: 5, output: 'ended' });
});
