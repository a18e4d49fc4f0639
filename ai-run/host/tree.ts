/** Removes folders that an agent has filled. */

import { readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { codeOf, type Held, holdFolder, makePrivate } from './folder.ts';
import { uniqueName } from '../startup/unique-name.ts';

/**
 * The removal copes with trees too deep for a path, folders without permissions, names that are not text and symlinks to files
 * of the host, even while another session replaces them. Every access uses a single name below a held folder. Trees are not
 * walked: their folders are moved beside each other first.
 */

/** The path of an entry, as bytes: a name may be invalid UTF-8. */
export function below(folder: Held, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder.path}/`), name]);
}

export function namesIn(folder: Held): readonly Buffer[] {
  return readdirSync(folder.path, { encoding: 'buffer' });
}

/** Removes an entry, or moves it to the trash if it is a folder with entries. */
export function discard(path: Buffer, trash: Held): void {
  try {
    unlinkSync(path);
    return;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    // The error of Linux and of POSIX for unlinking a folder.
    if (codeOf(error) !== 'EISDIR' && codeOf(error) !== 'EPERM') throw error;
  }
  try {
    rmdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    // A folder must be writable itself to be moved.
    holding(path, makePrivate);
    renameSync(path, `${trash.path}/${uniqueName()}`);
  }
}

/**
 * Empties the trash, including the leftovers of earlier runs.
 * @returns whether it is empty.
 */
export function emptyTrash(trash: Held): boolean {
  const stuck = new Set<string>();
  for (;;) {
    const names = namesIn(trash).filter((name) => !stuck.has(name.toString()));
    if (names.length === 0) return stuck.size === 0;
    for (const name of names) {
      try {
        discardAll(below(trash, name), trash);
      } catch (error) {
        // Removed by another session of this agent that ends at the same moment.
        if (codeOf(error) !== 'ENOENT') stuck.add(name.toString());
      }
    }
  }
}

/**
 * Removes a folder and all its entries.
 * @returns whether the folder does not exist any more; true if it did not exist.
 */
export function removeTree(path: string): boolean {
  try {
    const isEmpty = holding(path, (folder) => {
      makePrivate(folder);
      for (const name of namesIn(folder)) discard(below(folder, name), folder);
      return emptyTrash(folder);
    });
    if (isEmpty) rmdirSync(path);
    return isEmpty;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return true;
  }
}

function holding<T>(path: string | Buffer, act: (folder: Held) => T): T {
  const folder = holdFolder(path);
  try {
    return act(folder);
  } finally {
    folder.close();
  }
}

function discardAll(path: Buffer, trash: Held): void {
  holding(path, (folder) => {
    makePrivate(folder);
    for (const inner of namesIn(folder)) discard(below(folder, inner), trash);
  });
  rmdirSync(path);
}
