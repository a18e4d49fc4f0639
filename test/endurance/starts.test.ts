import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { processes } from '../e2e/fake-caller.ts';
import { checkout, docker, run } from '../e2e/support.ts';
import { makeTinyImage, type Tiny } from '../e2e/tiny-image.ts';
import { isFull } from '../support/full.ts';

/** Many starts at a time, some of them killed at any moment: after the next start, nothing of them is left. */

const starts = isFull ? 200 : 60;
const kills = 20;
const atATime = 4;

/** `E2E_SEED=…` brings back the moments of a run that failed. */
const seed = Number(process.env['E2E_SEED'] ?? randomInt(2 ** 31));
/** Numbers from 0 to 1: mulberry32. */
const random = ((state: number) => (): number => {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
})(seed);

let tiny: Tiny;
let temporary = '';
beforeAll(async () => {
  tiny = await makeTinyImage();
  temporary = join(tiny.home, '../tmp');
  await mkdir(temporary);
  // Something for every part of a session: a repository, a secret.
  await run('git', ['init', '--quiet', tiny.project]);
  await writeFile(join(tiny.project, '.env'), 'KEY=1');
});
afterAll(async () => {
  const found = await lines('ps', '--all', '--quiet', `--filter=label=ai-run.agent=${tiny.agent}`);
  if (found.length > 0) await docker('rm', '--force', '--volumes', ...found);
  await tiny.close();
});

const lines = async (...args: string[]): Promise<string[]> =>
  (await docker(...args)).stdout.split('\n').filter((line) => line !== '');

const script = 'echo x > ~/file; mkdir ~/folder; echo x > /tmp/file';
const words = (): string[] => [join(checkout, 'ai-run/cli/cli.ts'), tiny.agent, '--', '-c', script];
const environment = (): NodeJS.ProcessEnv => ({ ...process.env, ...tiny.env, TMPDIR: temporary });

/** Starts ai-run in a process group of its own, and kills it after some milliseconds: alone, or with all it has started. */
const start = async (kill?: {
  readonly after: number;
  readonly whole: boolean;
}): Promise<{ readonly pid: number; readonly code: number | null; readonly took: number }> => {
  const started = performance.now();
  const child = spawn(process.execPath, words(), {
    cwd: tiny.project,
    env: environment(),
    stdio: 'ignore',
    detached: true,
  });
  const pid = child.pid ?? 0;
  const ended = new Promise<number | null>((settle) => child.on('close', settle));
  if (kill !== undefined) {
    await Promise.race([setTimeout(kill.after), ended]);
    if (child.exitCode === null) process.kill(kill.whole ? -pid : pid, 'SIGKILL');
  }
  return { pid, code: await ended, took: performance.now() - started };
};

/** Records and containers that name a process as their owner. */
const leftBy = async (pid: number): Promise<readonly string[]> => {
  const folder = join(tiny.home, '.ai-run/sessions');
  const names = await readdir(folder).catch(() => []);
  const records = await Promise.all(
    names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  );
  const label = '--format={{.Label "ai-run.owner"}}';
  const owners = await lines('ps', '--all', `--filter=label=ai-run.agent=${tiny.agent}`, label);
  return [
    ...records.filter((text) => text.includes(` ${pid} `)).map(() => 'record'),
    ...owners.filter((owner) => owner.includes(` ${pid} `)).map(() => 'container'),
  ];
};

const named = (what: string, found: readonly string[]): string[] =>
  found.filter((line) => line.includes(tiny.agent)).map((line) => `${what} ${line}`);

/** All that bears the name of this test's image, and all files of its user, the temporary ones among them. */
const everything = async (): Promise<readonly string[]> => [
  ...named('container', await lines('ps', '--all', '--format={{.Names}} {{.Labels}}')),
  ...named('network', await lines('network', 'ls', '--format={{.Name}} {{.Labels}}')),
  ...named('volume', await lines('volume', 'ls', '--format={{.Name}} {{.Labels}}')),
  ...named(
    'process',
    (await processes()).map(({ command }) => command),
  ),
  ...(await readdir(join(tiny.home, '..'), { recursive: true })),
];

/** Code that only some sessions need is compiled when it is first needed, and kept for all later ones. */
const isCompiled = (one: string): boolean => one.startsWith('home/.ai-run/compiled/');

const since = async (before: readonly string[]): Promise<readonly string[]> =>
  (await everything()).filter((one) => !before.includes(one) && !isCompiled(one));

test(`${starts} starts, ${kills} of them killed, leave nothing after the next one (E2E_SEED=${seed})`, async () => {
  const first = await start();
  expect(first.code).toBe(0);
  const clean = await everything();
  expect(clean.filter((one) => / /.test(one) || /^tmp./.test(one))).toEqual([]);

  const victims = new Set<number>();
  while (victims.size < kills) victims.add(Math.floor(random() * starts));
  const codes: (number | null)[] = [];
  const left: string[] = [];
  let usual = first.took;
  let next = 0;
  const kill = async (): Promise<readonly string[]> => {
    const { pid } = await start({ after: random() * usual, whole: random() < 0.5 });
    return leftBy(pid);
  };
  const worker = async (): Promise<void> => {
    for (let at = next++; at < starts; at = next++) {
      if (victims.has(at)) {
        left.push(...(await kill()));
      } else {
        const { code, took } = await start();
        codes.push(code);
        usual = (usual + took) / 2;
      }
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));

  // All others were spared, and the killed were killed at work.
  expect(codes.filter((code) => code !== 0)).toEqual([]);
  expect(codes).toHaveLength(starts - kills);
  expect(left).toContain('record');
  expect(left).toContain('container');

  // Starts sweep after each other; after one more that was killed at work comes nobody yet.
  let last: readonly string[];
  do last = await kill();
  while (!last.includes('record'));
  // For so long docker's client could still make the container of a killed ai-run.
  await setTimeout(10_500);
  expect(await since(clean)).not.toEqual([]);
  const { code, stderr } = await run(process.execPath, words(), {
    cwd: tiny.project,
    env: environment(),
  });
  expect(code, stderr).toBe(0);
  expect(await since(clean)).toEqual([]);
});
