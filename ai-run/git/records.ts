import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { isSessionName, summary } from './modes.rules.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { parseRefs } from './refs.rules.ts';
import { removeTree } from '../host/tree.ts';
import { sessionFolder, writeRecord } from './finish.ts';
import type { Environment } from './host-git.ts';
import { type Kept, salvage, type Saved } from './salvage.ts';

const Record = z.strictObject({
  project: z.string(),
  /** ai-run's process while the session lasts; 0 once it has been finished. */
  pid: z.int(),
  repositories: z.array(
    z.strictObject({
      folder: z.string(),
      gitDir: z.string(),
      commonDir: z.string(),
      store: z.string(),
      objects: z.array(z.string()),
      format: z.enum(['sha1', 'sha256']),
      detached: z.exactOptional(z.string()),
      identity: z.exactOptional(z.string()),
      summary: z.exactOptional(z.string()),
    }),
  ),
});

/** A session whose commits are kept, or that is still running. */
export type Session = z.infer<typeof Record> & { readonly name: string };

/** Whether the process that started a session is there: its repository is being written. */
export function isRunning({ pid }: Session): boolean {
  return runs(pid);
}

/** Every session of which something is kept, by name. */
export async function readSessions(home: string): Promise<Session[]> {
  const names = await readdir(join(home, '.ai-run/git')).catch(() => []);
  const sessions = await Promise.all(names.filter(isSessionName).map((name) => read(home, name)));
  return sessions.filter((session) => session !== undefined);
}

/**
 * Removes a session with all that is kept of it.
 * @throws UserError E_GIT where something of it cannot be removed.
 */
export function dropSession(home: string, name: string): void {
  const folder = sessionFolder(home, name);
  if (removeTree(folder)) return;
  throw new UserError('E_GIT', `${folder} cannot be removed`, { hint: 'look at what is in it' });
}

/**
 * Finishes a session that ai-run did not live to finish: what was committed is saved, its shadows are removed.
 * @returns the session as it is now, or nothing where nothing was committed.
 * @throws UserError E_GIT_OBJECTS where its objects are damaged.
 */
export async function settle(
  home: string,
  session: Session,
  env: Environment,
): Promise<Session | undefined> {
  if (isRunning(session)) return session;
  const finished = session.repositories.every((one) => one.summary !== undefined);
  // One without repositories was stopped before it began.
  if (finished && session.repositories.length > 0) return session;
  const repositories: Session['repositories'] = [];
  for (const one of session.repositories) {
    if (one.summary !== undefined) {
      repositories.push(one);
      continue;
    }
    const saved = await salvaged(session.name, one, env);
    if (saved.length > 0) repositories.push({ ...one, summary: summary(one.folder, saved) });
  }
  if (repositories.length === 0) {
    dropSession(home, session.name);
    return undefined;
  }
  const { project } = session;
  await writeRecord(sessionFolder(home, session.name), { project, pid: 0, repositories });
  return { name: session.name, project, pid: 0, repositories };
}

/** Finishes a session that was killed, by name. One that had not begun has no record yet, and nothing to keep. */
export async function settleKilled(home: string, name: string, env: Environment): Promise<void> {
  if (!isSessionName(name)) return;
  const session = await read(home, name);
  if (session !== undefined) await settle(home, session, env);
  else if (!existsSync(join(sessionFolder(home, name), 'record.json'))) dropSession(home, name);
}

function runs(pid: number): boolean {
  if (pid === 0) return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function read(home: string, name: string): Promise<Session | undefined> {
  const text = await readFile(join(sessionFolder(home, name), 'record.json'), 'utf8').catch(
    () => undefined,
  );
  if (text === undefined) return undefined;
  const record = Record.safeParse(parseJson(text));
  return record.success ? { ...record.data, name } : undefined;
}

async function salvaged(name: string, one: Kept, env: Environment): Promise<readonly Saved[]> {
  try {
    return await salvage(one, parseRefs(await readFile(join(one.store, 'before'), 'utf8')), env);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('E_GIT', `the commits of ${name} cannot be saved: ${messageOf(error)}`, {
      hint: `look at ${one.store}; ai-run git drop ${name} removes them`,
      cause: error,
    });
  }
}
