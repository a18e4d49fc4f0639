import { copyFileSync, lstatSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import { codeOf, giveTo, makeFolder } from '../host/folder.ts';

/** Behind the name of a home: one that is being made. No home's own name goes on like this. */
export const unfinished = '@new-';

/**
 * Makes a new home of what all projects start with, whole or not at all, where there is something to start with. A home
 * that is there stays as it is.
 * @param home the path of the home; its folder exists
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
    // Another session has made it in the meantime, may have used it, and has removed what it took for a left-over.
    const lost = ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(String(codeOf(error)));
    if (!lost || lstatSync(home, { throwIfNoEntry: false }) === undefined) throw error;
  }
}

/** Whether there is a file or folder below another one, and no symlink on the way to it. */
function isPlain(folder: string, path: string): boolean {
  const names = path.split('/');
  return names.every((_, index) => {
    const found = lstatSync(join(folder, ...names.slice(0, index + 1)), { throwIfNoEntry: false });
    return (
      found?.isDirectory() === true || (index === names.length - 1 && found?.isFile() === true)
    );
  });
}

/** Copies regular files and folders, and nothing that leads elsewhere. */
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
