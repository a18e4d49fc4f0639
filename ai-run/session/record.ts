import { existsSync, mkdirSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part } from '../part.rules.ts';
import { parseSession, type Session, sessionLabels } from './labels.rules.ts';
import { using } from '../host/folder.ts';
import { isGone } from './owner.ts';
import { removeContainers } from './sessions.ts';

/**
 * A note of each session, `~/.ai-run/sessions/<name>`, made before everything else of it and removed after all of it. What
 * a killed ai-run left is found by it, without a question to the engine at every start.
 */

/**
 * Milliseconds in which docker's client, which outlives a killed ai-run, may still make the container: until then the
 * record stays, and the next start looks again.
 */
const late = 10_000;

/**
 * Takes note of a session until it ends.
 * @returns `renew` as well, for right before its container is made: see {@link late}.
 * @throws UserError E_FOLDER where no note can be made: nothing would find what a killed ai-run leaves.
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
      // Not rmSync, which takes two milliseconds longer.
      if (existsSync(path)) unlinkSync(path);
      return [];
    },
  };
}

/** Whether another session of the same agent runs in the same project: they share a home. */
export async function isShared(userHome: string, session: Session): Promise<boolean> {
  const folder = folderOf(userHome);
  const names = await readdir(folder).catch(() => []);
  const others = await Promise.all(
    names.filter((name) => name !== session.name).map((name) => read(join(folder, name))),
  );
  return others.some((one) => one?.agent === session.agent && one.project === session.project);
}

/** The sessions of a home, and whether the ai-run of each is gone. */
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

/**
 * Removes what sessions left whose ai-run was killed: containers, and repositories without commits. Never fails: it is
 * nobody's main errand.
 */
export async function sweepSessions(userHome: string, env: NodeJS.ProcessEnv): Promise<void> {
  const folder = folderOf(userHome);
  const names = await readdir(folder).catch(() => []);
  const orphaned = await Promise.all(names.map((name) => isOrphan(join(folder, name))));
  const orphans = names.filter((_, at) => orphaned[at]);
  // The engine may be away; the next start tries again.
  if (orphans.length === 0 || !(await removeContainers(orphans))) return;
  const { settleKilled } = await import('../git/records.ts');
  for (const name of orphans) {
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop -- there are very few
    if (!(await isSettled(path))) continue;
    // What is damaged stays, and `ai-run git list` tells of it.
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
    return parseSession(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** A record that cannot be read is being written, or just removed; an old one was never finished. */
async function isOrphan(path: string): Promise<boolean> {
  const session = await read(path);
  return session === undefined ? isSettled(path) : isGone(session.owner);
}

/** Whether the container of a session, if it has one, has been made by now. */
async function isSettled(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > late;
}
