/** Makes the shadows of a project's repositories at the start of a session. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import type { Environment } from './host-git.ts';
import { readRepository } from './locate.ts';
import { formatRefs } from './refs.rules.ts';
import { recordedFields, sessionFolder, writeRecord } from './session-record.ts';
import { makeShadow, type Shadow } from './shadow.ts';

type Owner = {
  readonly project: string;
  readonly session: string;
  readonly home: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly env: Environment;
  readonly hidden?: readonly string[];
};

/**
 * Makes a shadow of the repository in each folder, in parallel.
 * @returns the shadows, and one note for each nested repository that could not be copied.
 * @throws UserError E_GIT if the project's own repository cannot be copied; no shadow remains then.
 */
export async function openShadows(
  owner: Owner,
  folders: readonly string[],
): Promise<{ readonly shadows: readonly Shadow[]; readonly refused: readonly string[] }> {
  const { project, session, home } = owner;
  const store = sessionFolder(home, session);
  await mkdir(join(home, '.ai-run/git'), { recursive: true, mode: 0o700 });
  await mkdir(store, { mode: 0o700 });
  // The record exists before the first shadow, so that a killed start leaves no unknown files.
  await writeRecord(store, { project, pid: process.pid, repositories: [] });
  try {
    const opened = await Promise.all(
      folders.map((folder, number) => openShadow(owner, store, folder, number)),
    );
    const shadows = opened.filter((one) => typeof one !== 'string');
    for (const shadow of shadows)
      await writeFile(join(shadow.store, 'before'), formatRefs(shadow.before), { mode: 0o600 });
    const repositories = shadows.map(recordedFields);
    await writeRecord(store, { project, pid: process.pid, repositories });
    return { shadows, refused: opened.filter((one) => typeof one === 'string') };
  } catch (error) {
    await rm(store, { recursive: true, force: true });
    throw error;
  }
}

/** The shadow of one repository, or a note why a nested repository is hidden instead. */
async function openShadow(
  { project, user, env, hidden = [] }: Owner,
  store: string,
  folder: string,
  number: number,
): Promise<Shadow | string> {
  try {
    const repository = await readRepository(project, folder);
    const options = { store: join(store, String(number)), number, user, env, hidden };
    return await makeShadow(project, repository, options);
  } catch (error) {
    // The user asked for the project's own repository; a nested one can be hidden.
    if (folder === '' || !(error instanceof UserError)) throw error;
    return `git: ${printable(folder)} is hidden from the agent: ${error.message}`;
  }
}
