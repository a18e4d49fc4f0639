/** Runs git on the host, with a configuration and environment that start no other program. */

import { parseEntries, type Entry } from './config.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { capture } from '../host/exec.ts';

/** The caller's environment. Git gets only variables that cannot name another repository or program. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Overrides = {
  /** An index to use in place of the repository's. */
  readonly index?: string;
  /** An object folder to use in place of the repository's. */
  readonly objects?: string;
  /** Milliseconds until git is killed, with exit code 137; default: unlimited. */
  readonly patience?: number;
};

// Turns off programs that a repository's configuration could start, even in the user's own: hooks may be files of the project.
const safeConfig = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  // A shell runs this for each alternate object folder.
  'core.alternateRefsCommand=:',
  'gc.auto=0',
  'maintenance.auto=false',
  'transfer.fsckObjects=true',
  'fetch.fsckObjects=true',
  'protocol.file.allow=always',
].flatMap((setting) => ['-c', setting]);

/** Milliseconds: an included file can be a pipe without a writer. */
const patience = 10_000;

/**
 * Runs git on the host: in a repository that ai-run made, or, to read its configuration and index, in one of the project. Commands
 * that fetch or write never run in the latter, because an agent of an earlier session may have configured it.
 * @returns the exit code, the output and the last line of standard error.
 */
export async function hostGit(
  gitDir: string,
  args: readonly string[],
  env: Environment,
  overrides: Overrides = {},
) {
  const { code, stdout, stderr } = await capture(
    { file: 'git', args: [...safeConfig, `--git-dir=${gitDir}`, ...args] },
    environmentOf(env, overrides),
    overrides.patience,
  );
  return { code, stdout, reason: printable(stderr).trim().split('\n').at(-1) ?? '' };
}

/**
 * The complete configuration of a repository, with includes, each value with its scope and file.
 * @throws UserError E_GIT if git does not know the repository's format.
 */
export async function readConfig(gitDir: string, env: Environment): Promise<Entry[]> {
  const listed = await hostGit(
    gitDir,
    ['config', '--list', '--null', '--show-scope', '--show-origin'],
    env,
    { patience },
  );
  if (listed.code !== 0) {
    const reason = listed.code === 137 ? `no answer in ${patience / 1000} s` : listed.reason;
    throw new UserError('E_GIT', `git cannot read ${gitDir}: ${reason}`, {
      hint: 'hide it with --git none',
    });
  }
  // Without the settings of this command line.
  return parseEntries(listed.stdout).filter(({ scope }) => scope !== 'command');
}

function environmentOf(env: Environment, { index, objects }: Overrides): NodeJS.ProcessEnv {
  return {
    PATH: env['PATH'],
    HOME: env['HOME'],
    XDG_CONFIG_HOME: env['XDG_CONFIG_HOME'],
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    ...(index === undefined ? {} : { GIT_INDEX_FILE: index }),
    ...(objects === undefined ? {} : { GIT_OBJECT_DIRECTORY: objects }),
  };
}
