/** Private folders: made and held open without following symlinks. */

import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';

/** A folder that is held open. Names below `path` stay in it, even if a folder above it is renamed or replaced. */
export type Held = { readonly path: string; readonly close: () => void };

// O_PATH, which node:fs does not export: it opens a folder without permissions as well (open(2)).
const pathOnly = 0o10000000;

type MakeOptions = {
  /** The owner of new folders; default: the caller. */
  readonly owner?: Policy['user'];
  /** Whether a file in the way is removed: an agent may have left it. */
  readonly replace?: boolean;
};

export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/**
 * Holds a folder, never a symlink to one. On Linux the path goes through an open handle. Other systems cannot hold a path, and
 * containers run in a virtual machine there: the folder is only checked.
 * @throws the system's error, `ENOTDIR` for everything but a folder
 */
export function holdFolder(path: string | Buffer): Held {
  if (process.platform !== 'linux') {
    if (lstatSync(path).isDirectory()) return { path: path.toString(), close: () => undefined };
    throw Object.assign(new Error(`not a folder: ${path.toString()}`), { code: 'ENOTDIR' });
  }
  const handle = openSync(path, pathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  return { path: `/proc/self/fd/${handle}`, close: () => closeSync(handle) };
}

/** Makes the container's user the owner of a folder or file, unless that is the caller. */
export function giveTo(owner: Policy['user'], path: string): void {
  if (process.getuid?.() !== owner.uid) chownSync(path, owner.uid, owner.gid);
}

/**
 * The state of a file, folder or symlink; undefined if it does not exist, or if a file is in the place of its folder.
 * @throws the system's error
 */
export function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Whether a folder exists at this path; false for a symlink to one. */
export function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * Runs an action on a private folder.
 * @throws UserError E_FOLDER with the folder's path if the action fails.
 */
export function using<Result>(path: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw unusable(path, error);
  }
}

/**
 * Makes a private folder and its missing parents, below an existing folder. Symlinks are not followed, because they can lead
 * to folders of others.
 * @param path relative to `base`, without `..`
 * @throws UserError E_FOLDER with the path
 */
export function makeFolder(base: string, path: string, options: MakeOptions = {}): string {
  let folder = holdFolder(base);
  try {
    for (const name of path.split('/')) {
      const next = step(`${folder.path}/${name}`, options);
      folder.close();
      folder = next;
    }
  } catch (error) {
    throw unusable(`${base}/${path}`, error);
  } finally {
    folder.close();
  }
  return `${base}/${path}`;
}

/** Makes a folder accessible to its owner only. */
export function makePrivate(folder: Held): void {
  return chmodSync(folder.path, 0o700);
}

function unusable(path: string, cause: unknown): UserError {
  return new UserError('E_FOLDER', `${printable(path)} cannot be used: ${messageOf(cause)}`, {
    hint: 'use a folder that you own, not a symlink, inside a folder that you can write to',
    cause,
  });
}

function step(path: string, { owner, replace }: MakeOptions): Held {
  try {
    mkdirSync(path, { mode: 0o700 });
    if (owner !== undefined) giveTo(owner, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  try {
    return holdFolder(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOTDIR' || replace !== true) throw error;
    unlinkSync(path);
    return step(path, owner === undefined ? {} : { owner });
  }
}
