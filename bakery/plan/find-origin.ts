/** Asks the environment and git for the origin of a checkout. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Checkout } from '../catalogue/checkout.ts';
import { type GitState, type Origin, originOf } from './origin.rules.ts';
import { run } from '../host/exec.ts';

const patience = 10_000;

/** The origin of these definitions; for those of the installed package, the setting alone counts. */
export async function findOrigin(checkout: Checkout): Promise<Origin> {
  return originOf(
    checkout.settings.source,
    process.env,
    checkout.own === checkout.root ? await gitState(checkout) : 'not tracked',
  );
}

async function gitState({ root, settings }: Checkout): Promise<GitState> {
  const definitions = ['agents', 'runtimes', 'bakery', 'bakery.yaml', settings.upstreamLock];
  const [head, tracked, remote, changes] = await Promise.all([
    askGit(root, ['rev-parse', '--verify', 'HEAD']),
    askGit(root, ['ls-files', '--error-unmatch', '--', 'bakery.yaml']),
    askGit(root, ['config', '--get', 'remote.origin.url']),
    askGit(root, ['status', '--porcelain', '--', ...definitions]),
  ]);
  if (head === undefined) return 'no git';
  if (tracked === undefined) return 'not tracked';
  // If git fails, as for a lock outside of its repository, the state is unknown: not clean.
  return { ...(remote === undefined ? {} : { remote }), head, isClean: changes === '' };
}

/** @returns git's output without the line break; undefined if git is missing or fails. */
async function askGit(root: string, args: readonly string[]): Promise<string | undefined> {
  try {
    // A checkout's own configuration can name a program to run as file system monitor.
    const all = ['--no-optional-locks', '-C', root, '-c', 'core.fsmonitor=false', ...args];
    const { exitCode, stdout } = await run({ file: 'git', args: all }, { timeout: patience });
    return exitCode === 0 ? stdout.trim() : undefined;
  } catch (error) {
    if (error instanceof UserError && error.code === 'E_NO_PROGRAM') return undefined;
    throw error;
  }
}
