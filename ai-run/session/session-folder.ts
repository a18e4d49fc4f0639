/** Folders on the host that belong to one session, and hold data that must not outlive it: ~/.ai-run/ssh/<session>/. */

import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { parseSession, type Session, sessionLabels } from './labels.rules.ts';
import { makeFolder } from '../host/folder.ts';
import { isGone } from './owner.ts';

const place = '.ai-run/ssh';

/** The file that names the session, with its labels. */
const labelsFile = 'session.json';

/** Makes the folder of a session, which `sweepFolders` removes if ai-run is killed. */
export async function makeSessionFolder(userHome: string, session: Session): Promise<string> {
  const folder = makeFolder(userHome, `${place}/${session.name}`);
  await writeFile(join(folder, labelsFile), JSON.stringify(sessionLabels(session)), {
    mode: 0o600,
    flag: 'wx',
  });
  return folder;
}

/** Removes the folders of killed sessions. Best effort: never throws. */
export async function sweepFolders(userHome: string): Promise<void> {
  const folder = join(userHome, place);
  const names = await readdir(folder).catch(() => []);
  for (const path of names.map((name) => join(folder, name))) {
    // oxlint-disable-next-line no-await-in-loop -- few or none
    if (await isLeft(path)) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Whether a folder's ai-run has ended. One without labels is being made, unless it is old. */
async function isLeft(folder: string): Promise<boolean> {
  const session = await readLabels(folder);
  if (session !== undefined) return isGone(session.owner);
  const found = await stat(folder).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > 10_000;
}

async function readLabels(folder: string): Promise<Session | undefined> {
  try {
    return parseJson(await readFile(join(folder, labelsFile), 'utf8'), parseSession);
  } catch {
    return undefined;
  }
}
