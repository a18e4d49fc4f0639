/** Starts a new home with the agent's global state. */

import { copyFileSync, lstatSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import { codeOf, giveTo, makeFolder } from '../host/folder.ts';

/** Suffix of a home that is being made. No complete home has it. */
export const unfinished = '@new-';

/**
 * Makes a new home with the user's global state, atomically; does nothing without global state, or if the home exists.
 * @param home the path of the home; its parent folder exists
 * @param global the user's own files for every new home of this agent
 * @param state paths below both that are copied
 */
export function seedHome(
  home: string,
  global: string,
  state: readonly string[],
  owner: Policy['user'],
): void {
  const wanted = state.filter((path) => isPlain(global, path));
  if (wanted.length === 0 || lstatSync(home, { throwIfNoEntry: false }) !== undefined) return;
  const made = mkdtempSync(`${home}${unfinished}`);
  try {
    giveTo(owner, made);
    for (const path of wanted) {
      if (path.includes('/')) makeFolder(made, dirname(path), { owner });
      copyPlain(join(global, path), join(made, path), owner);
    }
    renameSync(made, home);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // Another session has made the home in the meantime, and may have removed this one as a leftover.
    const lost = ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(String(codeOf(error)));
    if (!lost || lstatSync(home, { throwIfNoEntry: false }) === undefined) throw error;
  }
}

/** Whether a file or folder exists at this path, without a symlink on the way. */
function isPlain(folder: string, path: string): boolean {
  const names = path.split('/');
  return names.every((_, index) => {
    const found = lstatSync(join(folder, ...names.slice(0, index + 1)), { throwIfNoEntry: false });
    return (
      found?.isDirectory() === true || (index === names.length - 1 && found?.isFile() === true)
    );
  });
}

/** Copies regular files and folders; leaves out symlinks and special files. */
function copyPlain(from: string, to: string, owner: Policy['user']): void {
  const found = lstatSync(from, { throwIfNoEntry: false });
  if (found?.isFile() === true) {
    copyFileSync(from, to);
    giveTo(owner, to);
  } else if (found?.isDirectory() === true) {
    makeFolder(dirname(to), basename(to), { owner });
    for (const name of readdirSync(from)) copyPlain(join(from, name), join(to, name), owner);
  }
}
