import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSession, type Session, sessionLabels } from './labels.rules.ts';
import { makeFolder } from '../host/folder.ts';
import { isGone } from './owner.ts';

/** Folders of the host that belong to one session and hold what must not outlive it: `~/.ai-run/ssh/<session>/`. */

const place = '.ai-run/ssh';

const note = 'session.json';

/** Makes the folder of a session, which `sweepFolders` finds from then on. */
export async function makeSessionFolder(userHome: string, session: Session): Promise<string> {
  const folder = makeFolder(userHome, `${place}/${session.name}`);
  await writeFile(join(folder, note), JSON.stringify(sessionLabels(session)), {
    mode: 0o600,
    flag: 'wx',
  });
  return folder;
}

/** Removes the folders of sessions whose ai-run was killed. Never fails: it is nobody's main errand. */
export async function sweepFolders(userHome: string): Promise<void> {
  const folder = join(userHome, place);
  const names = await readdir(folder).catch(() => []);
  for (const path of names.map((name) => join(folder, name))) {
    // oxlint-disable-next-line no-await-in-loop -- there are none, or very few
    if (await isLeft(path)) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Whether its ai-run ended. One without a note is being made, or was being made when that was killed. */
async function isLeft(folder: string): Promise<boolean> {
  const session = await readNote(folder);
  if (session !== undefined) return isGone(session.owner);
  const found = await stat(folder).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > 10_000;
}

async function readNote(folder: string): Promise<Session | undefined> {
  try {
    return parseSession(JSON.parse(await readFile(join(folder, note), 'utf8')));
  } catch {
    return undefined;
  }
}
