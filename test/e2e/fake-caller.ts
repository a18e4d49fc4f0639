import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { checkout, type Ran } from './support.ts';

/** Someone who starts the bakery, and has more to do with it than wait for its end. */
export type Caller = {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Its standard error so far. */
  readonly said: () => string;
  readonly ended: Promise<Ran>;
};

/** Starts the bakery as the leader of a process group, as a shell does. */
export const startBakery = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Caller => {
  const child = spawn(process.execPath, [join(checkout, 'bakery/cli/main.ts'), ...args], {
    cwd: checkout,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => (stdout += String(data)));
  child.stderr.on('data', (data) => (stderr += String(data)));
  const ended = new Promise<Ran>((settle) => {
    child.on('close', (code) => settle({ code: code ?? -1, stdout, stderr }));
  });
  return { pid: child.pid ?? 0, child, said: () => stderr, ended };
};

type Process = { readonly pid: number; readonly parent: number; readonly command: string };

/** All processes of this machine that are not dead. */
export const processes = async (): Promise<Process[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid): Promise<Process[]> => {
      try {
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
        // After the name, which may hold blanks and brackets: state and parent. man 5 proc_pid_stat
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z') return [];
        const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
        return [{ pid: Number(pid), parent: Number(parent), command }];
      } catch {
        return []; // it ended meanwhile
      }
    }),
  );
  return found.flat();
};

/** All processes below this one. */
export const descendants = async (pid: number): Promise<Process[]> => {
  const all = await processes();
  const below = (parent: number): Process[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid);
};

/** Which of these are still there. */
export const alive = async (before: readonly Process[]): Promise<Process[]> => {
  const all = await processes();
  return before.filter(({ pid, command }) =>
    all.some((one) => one.pid === pid && one.command === command),
  );
};

/** Waits until something is so, and fails after some time. */
export const until = async (
  what: string,
  isSo: () => Promise<boolean> | boolean,
  seconds = 120,
): Promise<void> => {
  for (const started = Date.now(); !(await isSo()); await setTimeout(50)) {
    if (Date.now() - started > seconds * 1000)
      throw new Error(`not so after ${seconds} s: ${what}`);
  }
};
