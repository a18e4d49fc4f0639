import { readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { codeOf, type Held, holdFolder, makePrivate } from './folder.ts';
import { uniqueName } from '../startup/unique-name.ts';

/**
 * Removes what agents leave: trees too deep for a path, folders without permissions, names that are no text, symlinks
 * to files of the host, while another session may still be exchanging them. Nothing is reached by more than one name
 * below a folder that is held, and no tree is walked: its folders are moved beside each other first.
 */

// As bytes: a name may be no UTF-8.
export function below(folder: Held, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder.path}/`), name]);
}

export function namesIn(folder: Held): readonly Buffer[] {
  return readdirSync(folder.path, { encoding: 'buffer' });
}

/** Removes an entry, or moves it to the trash where it is a folder that holds something. */
export function discard(path: Buffer, trash: Held): void {
  try {
    unlinkSync(path);
    return;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    // Linux and POSIX for "it is a folder".
    if (codeOf(error) !== 'EISDIR' && codeOf(error) !== 'EPERM') throw error;
  }
  try {
    rmdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    // A folder has to be writable itself to be moved elsewhere.
    holding(path, makePrivate);
    renameSync(path, `${trash.path}/${uniqueName()}`);
  }
}

/** Empties the trash, of what earlier runs have left there as well, and says whether it is empty. */
export function emptyTrash(trash: Held): boolean {
  const stuck = new Set<string>();
  for (;;) {
    const names = namesIn(trash).filter((name) => !stuck.has(name.toString()));
    if (names.length === 0) return stuck.size === 0;
    for (const name of names) {
      try {
        discardAll(below(trash, name), trash);
      } catch (error) {
        // Gone: another session of this agent ends at the same moment.
        if (codeOf(error) !== 'ENOENT') stuck.add(name.toString());
      }
    }
  }
}

/**
 * Removes a folder with all it holds, whatever agents have put there; one that is not there is gone.
 * @returns whether it is gone.
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
