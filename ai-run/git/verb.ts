import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { UserError } from '../core/error.ts';
import { printable } from '../core/text.ts';
import { type Environment, hostGit } from './host.ts';
import { readHead, readRefs } from './repository.ts';
import { fetchSaved } from './salvage.ts';
import { dropSession, isRunning, readSessions, type Session, settle } from './records.ts';

const help = `Usage: ai-run git list
       ai-run git fetch [session…]
       ai-run git drop <session>…

An agent commits in a copy of the repository that is its own. What it committed is kept until you fetch or drop it.

  list    the sessions of which commits are kept
  fetch   brings them into your repository as refs/remotes/ai/<session>/<branch>, and forgets the session;
          without a name, all sessions of the current folder
  drop    forgets a session with its commits; files of the project are not touched

Your branches, your index and your files stay as they are. The files already are as the agent left them, so a merge would
refuse to overwrite them. Where your branch has not moved on since, \`git reset ai/<session>/<branch>\` makes it the agent's
commit and leaves the files alone (what you had staged is unstaged). Otherwise look at it in a folder of its own, with
\`git worktree add ../review ai/<session>/<branch>\`, and merge or cherry-pick there.`;

export type VerbOptions = {
  readonly home: string;
  readonly cwd: string;
  readonly env: Environment;
  readonly print: (line: string) => void;
};

const defaults = (): VerbOptions => ({
  home: homedir(),
  cwd: realpathSync('.'),
  env: process.env,
  print: (line) => void process.stdout.write(`${line}\n`),
});

const usage = (message: string): UserError =>
  new UserError('E_USAGE', message, { hint: 'ai-run git --help' });

const find = (sessions: readonly Session[], name: string): Session => {
  const found = sessions.find((session) => session.name === name);
  if (found !== undefined) return found;
  throw new UserError('E_SESSION', `nothing is kept of a session ${JSON.stringify(name)}`, {
    hint: 'ai-run git list shows what is kept',
  });
};

const describe = (session: Session): string =>
  isRunning(session)
    ? 'still running'
    : session.repositories.flatMap((one) => one.summary ?? []).join('; ');

const list = async ({ home, env, print }: VerbOptions): Promise<number> => {
  let failed = 0;
  for (const session of await readSessions(home)) {
    try {
      const settled = await settle(home, session, env);
      if (settled !== undefined)
        print(`${settled.name}  ${printable(settled.project)}  ${describe(settled)}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failed = 1;
      print(`${session.name}  ${printable(session.project)}  ${error.message}`);
    }
  }
  return failed;
};

/** What to do with a fetched branch: the user's files already are what the agent committed. */
const advice = async (
  { folder, gitDir, commonDir }: Session['repositories'][number],
  fetched: string,
  env: Environment,
): Promise<string> => {
  const head = await readHead(gitDir);
  const branch =
    head !== undefined && 'ref' in head ? head.ref.replace('refs/heads/', '') : undefined;
  const theirs = `refs/remotes/${fetched}`;
  const same = branch !== undefined && fetched.split('/').slice(2).join('/') === branch;
  const ahead =
    same &&
    (await hostGit(commonDir, ['merge-base', '--is-ancestor', `refs/heads/${branch}`, theirs], env))
      .code === 0;
  const git = folder === '' ? 'git' : `git -C ${folder}`;
  return `${git} ${ahead ? 'reset' : 'worktree add ../review'} ${fetched}`;
};

const bring = async (session: Session, { home, env, print }: VerbOptions): Promise<void> => {
  if (isRunning(session)) {
    throw new UserError('E_SESSION', `session ${session.name} is still running`, {
      hint: 'fetch when it has ended',
    });
  }
  const settled = await settle(home, session, env);
  if (settled === undefined) {
    print(`${session.name}: nothing was committed`);
    return;
  }
  for (const repository of settled.repositories) {
    await fetchSaved(repository, session.name, env);
    print(`${session.name}: ${repository.summary ?? ''}`);
    const at = `refs/remotes/ai/${session.name}/`;
    for (const name of (await readRefs(repository.commonDir)).keys()) {
      if (!name.startsWith(at)) continue;
      const fetched = name.slice('refs/remotes/'.length);
      print(`  ${printable(fetched)}  (${printable(await advice(repository, fetched, env))})`);
    }
  }
  await dropSession(home, session.name);
};

const fetch = async (names: readonly string[], options: VerbOptions): Promise<number> => {
  const sessions = await readSessions(options.home);
  const chosen =
    names.length > 0
      ? names.map((name) => find(sessions, name))
      : sessions.filter((session) => session.project === options.cwd && !isRunning(session));
  if (chosen.length === 0) options.print(`no commits are kept for ${printable(options.cwd)}`);
  for (const session of chosen) await bring(session, options);
  return 0;
};

const drop = async (names: readonly string[], { home, print }: VerbOptions): Promise<number> => {
  if (names.length === 0) throw usage('name the session to drop');
  const sessions = await readSessions(home);
  const chosen = names.map((name) => find(sessions, name));
  const running = chosen.find(isRunning);
  if (running !== undefined)
    throw new UserError('E_SESSION', `session ${running.name} is still running`);
  for (const { name } of chosen) {
    await dropSession(home, name);
    print(`${name}: dropped`);
  }
  return 0;
};

/**
 * `ai-run git …`: what happens to the commits of ended sessions.
 * @param args what follows `git` on the command line.
 * @returns the exit code.
 * @throws UserError E_USAGE, E_SESSION, E_GIT_OBJECTS, E_GIT_FETCH.
 */
export const gitVerb = async (
  args: readonly string[],
  options: VerbOptions = defaults(),
): Promise<number> => {
  const [verb, ...names] = args;
  if (verb === undefined || args.includes('--help') || args.includes('-h')) {
    options.print(help);
    return verb === undefined ? 2 : 0;
  }
  const flag = names.find((name) => name.startsWith('-'));
  if (flag !== undefined) throw usage(`unknown option ${JSON.stringify(flag)}`);
  if (verb === 'list') return list(options);
  if (verb === 'fetch') return fetch(names, options);
  if (verb === 'drop') return drop(names, options);
  throw usage(`expected list, fetch or drop, got ${JSON.stringify(verb)}`);
};
