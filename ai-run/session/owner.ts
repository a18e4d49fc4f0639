import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import type { Owner } from './labels.rules.ts';
import { capture } from '../host/exec.ts';

/** This process, as the owner of a session. */
export async function thisOwner(): Promise<Owner> {
  return {
    host: hostname(),
    uid: userInfo().uid,
    pid: process.pid,
    started: (await startOf(process.pid)) ?? 'unknown',
  };
}

/** Whether a session is an orphan. Of other machines and other users that share the engine nothing is known: no. */
export async function isGone({ host, uid, pid, started }: Owner): Promise<boolean> {
  return host === hostname() && uid === userInfo().uid && (await startOf(pid)) !== started;
}

/**
 * When a process started, in words that only have to differ from another start of the same process id.
 * @returns undefined where there is no such process. Linux: proc_pid_stat(5), field 22; elsewhere: ps(1).
 */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const text = statOf(pid);
    // The second field is the program's name in parentheses and may hold anything, spaces and parentheses too.
    const [state, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return state === undefined || state === 'Z' || state === 'X' ? undefined : rest[18];
  }
  const { code, stdout } = await capture({
    file: 'ps',
    args: ['-o', 'lstart=', '-p', String(pid)],
  });
  return code === 0 ? stdout.trim() || undefined : undefined;
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}
