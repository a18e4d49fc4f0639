/** The owner of a session: the ai-run process, and whether it is still alive. */

import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import type { Owner } from './labels.rules.ts';
import { capture } from '../host/exec.ts';

/** Returns this process as a session's owner. */
export async function thisOwner(): Promise<Owner> {
  return {
    host: hostname(),
    uid: userInfo().uid,
    pid: process.pid,
    started: (await startOf(process.pid)) ?? 'unknown',
  };
}

/** Whether an owner has ended. False for owners on other machines and of other users, which cannot be examined. */
export async function isGone({ host, uid, pid, started }: Owner): Promise<boolean> {
  return host === hostname() && uid === userInfo().uid && (await startOf(pid)) !== started;
}

/**
 * Returns a process's start time, as a text that differs between processes with the same id.
 * @returns undefined if the process does not exist. Linux: proc_pid_stat(5), field 22; elsewhere: ps(1).
 */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const text = statOf(pid);
    // The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
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
