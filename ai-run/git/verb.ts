/** `ai-run git`: lists, fetches and drops the commits of ended sessions. */

import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { deliver, type Delivered, descends } from './deliver.ts';
import type { Environment } from './host-git.ts';
import { followHead, readRefs } from './read-refs.ts';
import { dropSession, isRunning, readSessions, type Session, settle } from './records.ts';

export type VerbOptions = {
  readonly home: string;
  readonly cwd: string;
  readonly env: Environment;
  readonly print: (line: string) => void;
};

/**
 * Runs `ai-run git …`.
 * @param names names of sessions; default of `fetch`: all ended sessions of the current folder.
 * @returns the exit code.
 * @throws UserError E_SESSION, E_GIT_OBJECTS, E_GIT_FETCH.
 */
export async function gitVerb(
  verb: 'list' | 'fetch' | 'drop',
  names: readonly string[],
  options: VerbOptions = defaults(),
): Promise<number> {
  switch (verb) {
    case 'list':
      return list(options);
    case 'fetch':
      return fetch(names, options);
    case 'drop':
      return drop(names, options);
  }
}

function defaults(): VerbOptions {
  return {
    home: homedir(),
    cwd: realpathSync('.'),
    env: process.env,
    print: (line) => void process.stdout.write(`${line}\n`),
  };
}

async function list({ home, env, print }: VerbOptions): Promise<number> {
  let failed = 0;
  for (const session of await readSessions(home)) {
    try {
      const settled = await settle(home, session, env);
      if (settled !== undefined)
        print(`${settled.name}  ${printable(settled.project)}  ${describe(settled)}`);
    } catch (error) {
      // The other sessions are still listed.
      failed = 1;
      print(`${session.name}  ${printable(session.project)}  ${printable(messageOf(error))}`);
    }
  }
  return failed;
}

async function fetch(names: readonly string[], options: VerbOptions): Promise<number> {
  const sessions = await readSessions(options.home);
  const chosen =
    names.length > 0
      ? names.map((name) => find(sessions, name))
      : sessions.filter((session) => session.project === options.cwd && !isRunning(session));
  if (chosen.length === 0) options.print(`no commits are kept for ${printable(options.cwd)}`);
  for (const session of chosen) await bring(session, options);
  return 0;
}

async function drop(names: readonly string[], { home, print }: VerbOptions): Promise<number> {
  const sessions = await readSessions(home);
  const chosen = names.map((name) => find(sessions, name));
  const running = chosen.find(isRunning);
  if (running !== undefined)
    throw new UserError('E_SESSION', `session ${running.name} is still running`);
  for (const { name } of chosen) {
    dropSession(home, name);
    print(`${name}: dropped`);
  }
  return 0;
}

function describe(session: Session): string {
  return isRunning(session)
    ? 'still running'
    : session.repositories.flatMap((one) => one.summary ?? []).join('; ');
}

function find(sessions: readonly Session[], name: string): Session {
  const found = sessions.find((session) => session.name === name);
  if (found !== undefined) return found;
  throw new UserError('E_SESSION', `no commits are kept of a session ${JSON.stringify(name)}`, {
    hint: 'ai-run git list shows the sessions with kept commits',
  });
}

async function bring(session: Session, { home, env, print }: VerbOptions): Promise<void> {
  if (isRunning(session)) {
    throw new UserError('E_SESSION', `session ${session.name} is still running`, {
      hint: 'fetch after its end',
    });
  }
  const settled = await settle(home, session, env);
  if (settled === undefined) {
    print(`${session.name}: the agent committed nothing`);
    return;
  }
  const seen = new Map<string, number>();
  for (const repository of settled.repositories) {
    // Worktrees of one repository may have branches of the same name: each gets its own namespace.
    const before = seen.get(repository.commonDir) ?? 0;
    seen.set(repository.commonDir, before + 1);
    const place = `ai/${session.name}${before === 0 ? '' : `.${before}`}`;
    const delivered = await deliver(repository, { session: session.name, place }, env);
    print(`${session.name}: ${repository.summary ?? ''}`);
    for (const one of delivered)
      print(`  ${printable(one.name)}  (${printable(await advice(repository, one, env))})`);
  }
  dropSession(home, session.name);
}

/** The command to continue with: the user's files already have the agent's changes. */
async function advice(
  kept: Session['repositories'][number],
  { name, id }: Delivered,
  env: Environment,
): Promise<string> {
  const head = await followHead(kept);
  const ref = head !== undefined && 'ref' in head ? head.ref : '';
  const same = name.split('/').slice(2).join('/') === ref.replace('refs/heads/', '');
  const mine = same ? (await readRefs(kept.commonDir)).get(ref) : undefined;
  const ahead = mine !== undefined && (await descends(kept, mine, id, env));
  const git = kept.folder === '' ? 'git' : `git -C ${kept.folder}`;
  return `${git} ${ahead ? 'reset' : 'worktree add ../review'} ${name}`;
}
