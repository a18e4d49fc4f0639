import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part } from '../core/part.ts';
import { parseSession, type Session, sessionLabels } from '../core/session.ts';
import { isGone } from './owner.ts';
import { removeContainers } from './sessions.ts';

/**
 * A note of each session that runs, `~/.ai-run/sessions/<name>`, made before its container and removed after it. What a
 * killed ai-run left is found by it, without a question to the engine at every start.
 */

const folderOf = (userHome: string): string => join(userHome, '.ai-run/sessions');

/** Takes note of a session until it ends. */
export const openRecord = (userHome: string, session: Session): Part => {
  const folder = folderOf(userHome);
  const path = join(folder, session.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path, JSON.stringify(sessionLabels(session)), { mode: 0o600, flag: 'wx' });
  return {
    finish: async () => {
      rmSync(path, { force: true });
      return [];
    },
  };
};

/**
 * Milliseconds in which docker's client, which outlives a killed ai-run, may still make the container: until then the
 * record stays, and the next start looks again.
 */
const late = 10_000;

const read = async (path: string): Promise<Session | undefined> => {
  try {
    return parseSession(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // Being written, or just removed: its owner lives.
    return undefined;
  }
};

/** Whether another session of the same agent runs in the same project: they share a home. */
export const isShared = async (userHome: string, session: Session): Promise<boolean> => {
  const folder = folderOf(userHome);
  const names = await readdir(folder).catch(() => []);
  const others = await Promise.all(
    names.filter((name) => name !== session.name).map((name) => read(join(folder, name))),
  );
  return others.some((one) => one?.agent === session.agent && one.project === session.project);
};

/** The sessions of a home, and whether the ai-run of each is gone. */
export const listRecords = async (
  userHome: string,
): Promise<readonly { readonly name: string; readonly gone: boolean }[]> => {
  const folder = folderOf(userHome);
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const session = await read(join(folder, name));
      return session === undefined ? [] : [{ name, gone: await isGone(session.owner) }];
    }),
  );
  return found.flat();
};

/** Removes the containers of sessions whose ai-run was killed. Never fails: it is nobody's main errand. */
export const sweepSessions = async (userHome: string): Promise<void> => {
  const folder = folderOf(userHome);
  const names = await readdir(folder).catch(() => []);
  const sessions = await Promise.all(names.map((name) => read(join(folder, name))));
  const orphans: string[] = [];
  for (const [at, session] of sessions.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- there are none, or very few
    if (session !== undefined && (await isGone(session.owner))) orphans.push(names[at] ?? '');
  }
  // The engine may be away; the next start tries again.
  if (orphans.length === 0 || !(await removeContainers(orphans))) return;
  for (const path of orphans.map((name) => join(folder, name))) {
    // oxlint-disable-next-line no-await-in-loop -- as above
    const found = await stat(path).catch(() => undefined);
    // oxlint-disable-next-line no-await-in-loop -- as above
    if (Date.now() - (found?.mtimeMs ?? 0) > late) await rm(path, { force: true });
  }
};
