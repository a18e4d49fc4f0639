import { UserError } from '../ai-run/core/error.ts';
import type { Checkout } from './checkout.ts';
import { type GitState, type Origin, originOf } from './core/origin.ts';
import { run } from './exec.ts';

/** Asks the environment and git where a checkout came from. */

const patience = 10_000;

/** @returns what git says, without the line's end; nothing where there is no git, or no repository. */
const askGit = async (root: string, args: readonly string[]): Promise<string | undefined> => {
  try {
    // A checkout's own configuration can name a program that would watch its files.
    const all = ['-C', root, '-c', 'core.fsmonitor=false', ...args];
    const { exitCode, stdout } = await run({ file: 'git', args: all }, { timeout: patience });
    return exitCode === 0 ? stdout.trim() : undefined;
  } catch (error) {
    if (error instanceof UserError && error.code === 'E_NO_PROGRAM') return undefined;
    throw error;
  }
};

const gitState = async ({ root, settings }: Checkout): Promise<GitState> => {
  const definitions = ['agents', 'runtimes', 'bakery', 'bakery.yaml', settings.upstreamLock];
  const [remote, head, changes] = await Promise.all([
    askGit(root, ['config', '--get', 'remote.origin.url']),
    askGit(root, ['rev-parse', '--verify', 'HEAD']),
    askGit(root, ['status', '--porcelain', '--', ...definitions]),
  ]);
  return {
    ...(remote === undefined ? {} : { remote }),
    ...(head === undefined ? {} : { head }),
    isClean: (changes ?? '') === '',
  };
};

/** Where these definitions came from. The catalogue of the package is nobody's checkout: only its setting counts. */
export const findOrigin = async (checkout: Checkout): Promise<Origin> =>
  checkout.own === checkout.root
    ? originOf(checkout.settings.source, process.env, await gitState(checkout))
    : originOf(checkout.settings.source, {}, { isClean: true });
