/** The record of a session, by which a later start finds the remains of a killed ai-run. */

import { parseJson } from '@ai-bakery/kernel/json.ts';
import { existsSync, mkdirSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part } from '../part.rules.ts';
import { parseSession, type Session, sessionLabels } from './labels.rules.ts';
import { using } from '../host/folder.ts';
import { isGone } from './owner.ts';
import { removeContainers } from './sessions.ts';

/**
 * Startup trick `record`: `~/.ai-run/sessions/<name>` is made before everything else of a session and removed after it, so
 * that a start need not ask the engine for remains.
 */

/**
 * Milliseconds in which docker's client, which survives a killed ai-run, may still make the container. Until then the
 * record stays for the next start.
 */
const late = 10_000;

/**
 * Records a session until it ends.
 * @returns `renew` as well, to call right before its container is made: see {@link late}.
 * @throws UserError E_FOLDER if the record cannot be made: the remains of a killed ai-run would never be found.
 */
export function openRecord(
  userHome: string,
  session: Session,
): Part & { readonly renew: () => void } {
  const folder = folderOf(userHome);
  const path = join(folder, session.name);
  using(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(path, JSON.stringify(sessionLabels(session)), { mode: 0o600, flag: 'wx' });
  });
  return {
    renew: () => utimesSync(path, new Date(), new Date()),
    finish: async () => {
      // Startup trick `unlink`: on Node 22, rmSync takes two milliseconds longer.
      if (existsSync(path)) unlinkSync(path);
      return [];
    },
  };
}

/** Whether another session of the same agent runs in the same project; the two share a home. */
export async function isShared(userHome: string, session: Session): Promise<boolean> {
  const folder = folderOf(userHome);
  const names = await readdir(folder).catch(() => []);
  const others = await Promise.all(
    names.filter((name) => name !== session.name).map((name) => read(join(folder, name))),
  );
  return others.some((one) => one?.agent === session.agent && one.project === session.project);
}

/** Lists a home's sessions, and whether the ai-run of each has ended. */
export async function listRecords(
  userHome: string,
): Promise<readonly { readonly name: string; readonly gone: boolean }[]> {
  const folder = folderOf(userHome);
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const session = await read(join(folder, name));
      return session === undefined ? [] : [{ name, gone: await isGone(session.owner) }];
    }),
  );
  return found.flat();
}

/** Removes the remains of killed sessions: containers, and repositories without commits. Best effort: never throws. */
export async function sweepSessions(userHome: string, env: NodeJS.ProcessEnv): Promise<void> {
  const folder = folderOf(userHome);
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => ((await isOrphan(join(folder, name))) ? [name] : [])),
  );
  const orphans = found.flat();
  // The engine may not answer; then the next start tries again.
  if (orphans.length === 0 || !(await removeContainers(orphans))) return;
  const { settleKilled } = await import('../git/records.ts');
  for (const name of orphans) {
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop -- orphans are few
    if (!(await isSettled(path))) continue;
    // A damaged repository stays, and `ai-run git list` reports it.
    // oxlint-disable-next-line no-await-in-loop -- as above
    await settleKilled(userHome, name, env).catch(() => undefined);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await rm(path, { force: true });
  }
}

function folderOf(userHome: string): string {
  return join(userHome, '.ai-run/sessions');
}

async function read(path: string): Promise<Session | undefined> {
  try {
    return parseJson(await readFile(path, 'utf8'), parseSession);
  } catch {
    return undefined;
  }
}

/** Whether a record's session was killed. An unreadable record is being written or removed, unless it is old. */
async function isOrphan(path: string): Promise<boolean> {
  const session = await read(path);
  return session === undefined ? isSettled(path) : isGone(session.owner);
}

/** Whether enough time has passed that a session's container exists by now or never will. */
async function isSettled(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > late;
}
