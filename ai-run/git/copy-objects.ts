/** Copies loose objects and packs out of a hostile repository, as plain files. */

import { constants } from 'node:fs';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isFolder } from '../host/folder.ts';

/**
 * Copies regular files in real folders only: a link could name any file of the host. Indexes of packs are left out, because
 * they are made again from the packs.
 * @returns the paths of the copied packs.
 */
export async function copyObjects(from: string, to: string): Promise<string[]> {
  const packs: string[] = [];
  if (!isFolder(from)) return packs;
  for (const folder of await readdir(from)) {
    if (!isFolder(join(from, folder))) continue;
    for (const entry of await readdir(join(from, folder), { withFileTypes: true })) {
      const pack = folder === 'pack' && isPack(entry.name);
      if (!entry.isFile() || !(pack || isLoose(folder, entry.name))) continue;
      await mkdir(join(to, folder), { recursive: true });
      await copyFile(
        join(from, folder, entry.name),
        join(to, folder, entry.name),
        constants.COPYFILE_FICLONE,
      );
      if (pack) packs.push(join(to, folder, entry.name));
    }
  }
  return packs;
}

function isPack(name: string): boolean {
  return /^pack-[0-9a-f]{40,64}\.pack$/.test(name);
}

/** Whether git would give this name to a loose object. */
function isLoose(folder: string, name: string): boolean {
  return /^[0-9a-f]{2}$/.test(folder) && /^(?:[0-9a-f]{38}|[0-9a-f]{62})$/.test(name);
}
