/** Reads the records of sessions, and finishes the sessions whose ai-run was killed. */

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { isSessionName, summary } from './modes.rules.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { parseRefs } from './refs.rules.ts';
import { removeTree } from '../host/tree.ts';
import type { Environment } from './host-git.ts';
import { type KeptRepository, salvage, type Saved } from './salvage.ts';
import { sessionFolder, writeRecord } from './session-record.ts';

const Record = z.strictObject({
  project: z.string(),
  /** ai-run's process while the session lasts; 0 after its end. */
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

/** A running session, or an ended one with kept commits. */
export type Session = z.infer<typeof Record> & { readonly name: string };

/** Whether the process that started a session exists: its repository may still change. */
export function isRunning({ pid }: Session): boolean {
  return runs(pid);
}

/** All sessions with a record. */
export async function readSessions(home: string): Promise<Session[]> {
  const names = await readdir(join(home, '.ai-run/git')).catch(() => []);
  const sessions = await Promise.all(names.filter(isSessionName).map((name) => read(home, name)));
  return sessions.filter((session) => session !== undefined);
}

/**
 * Removes a session with its kept commits.
 * @throws UserError E_GIT if its folder cannot be removed.
 */
export function dropSession(home: string, name: string): void {
  const folder = sessionFolder(home, name);
  if (removeTree(folder)) return;
  throw new UserError('E_GIT', `${folder} cannot be removed`, {
    hint: 'check the permissions of the files in it',
  });
}

/**
 * Finishes a session whose ai-run was killed: saves the commits and removes the shadows.
 * @returns the session with its present state; undefined if the agent committed nothing.
 * @throws UserError E_GIT_OBJECTS for damaged objects.
 */
export async function settle(
  home: string,
  session: Session,
  env: Environment,
): Promise<Session | undefined> {
  if (isRunning(session)) return session;
  const finished = session.repositories.every((one) => one.summary !== undefined);
  // A session without repositories was killed before its start was complete.
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

/** Finishes a killed session, by name; removes it if it has no record: then its start was not complete. */
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
  const record = parseJson(text, Record);
  return record === undefined ? undefined : { ...record, name };
}

async function salvaged(
  name: string,
  one: KeptRepository,
  env: Environment,
): Promise<readonly Saved[]> {
  try {
    return await salvage(one, parseRefs(await readFile(join(one.store, 'before'), 'utf8')), env);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('E_GIT', `the commits of ${name} cannot be saved: ${messageOf(error)}`, {
      hint: `their files are in ${one.store}; ai-run git drop ${name} removes them`,
      cause: error,
    });
  }
}
