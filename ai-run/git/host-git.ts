import { parseEntries, type Entry } from './config.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { capture } from '../host/exec.ts';

/** The caller's environment, as far as git needs it: nothing of it can point git at another repository or program. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Where = {
  /** The index to read and write in place of the repository's. */
  readonly index?: string;
  /** The folder of objects to read and write in place of the repository's. */
  readonly objects?: string;
  /** Milliseconds after which it is ended, with exit code 137. */
  readonly patience?: number;
};

// What a repository's configuration could start, even the user's own: his hooks may be files of the project.
const quiet = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  // Run for each folder of objects that is borrowed from, by a shell.
  'core.alternateRefsCommand=:',
  'gc.auto=0',
  'maintenance.auto=false',
  'transfer.fsckObjects=true',
  'fetch.fsckObjects=true',
  'protocol.file.allow=always',
].flatMap((setting) => ['-c', setting]);

/** Milliseconds: what it includes can be a pipe that nobody writes to. */
const patience = 10_000;

/**
 * Runs git on the host: in a repository that ai-run made, or, to read its configuration and index, in one of the project. What
 * fetches or writes never runs in that one, because an agent of an earlier session may have configured it.
 * @returns what it printed, or its exit code and the last line of its complaint.
 */
export async function hostGit(
  gitDir: string,
  args: readonly string[],
  env: Environment,
  where: Where = {},
) {
  const { code, stdout, stderr } = await capture(
    { file: 'git', args: [...quiet, `--git-dir=${gitDir}`, ...args] },
    inherited(env, where),
    where.patience,
  );
  return { code, stdout, reason: printable(stderr).trim().split('\n').at(-1) ?? '' };
}

/**
 * All configuration that git sees in a repository, includes followed, each value with where it stands.
 * @throws UserError E_GIT where git does not know the repository's format.
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
  // Without what was said on this command line.
  return parseEntries(listed.stdout).filter(({ scope }) => scope !== 'command');
}

function inherited(env: Environment, { index, objects }: Where): NodeJS.ProcessEnv {
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
