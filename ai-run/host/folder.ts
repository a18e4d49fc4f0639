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

/** A folder that is held open. Names below `path` cannot be led elsewhere, whatever is renamed or replaced above it. */
export type Held = { readonly path: string; readonly close: () => void };

// O_PATH, which node:fs does not name: a folder without permissions can be held as well (open(2)).
const pathOnly = 0o10000000;

type MakeOptions = {
  /** Whose the folders are that are made. The caller's where nothing is said. */
  readonly owner?: Policy['user'];
  /** Whether what is in the way is removed: an agent may have left it. */
  readonly replace?: boolean;
};

export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/**
 * Holds a folder, never a symlink to one. Linux leads through the handle; elsewhere containers run in a virtual
 * machine and nothing of a path can be held, so that what it is now has to do.
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

/** Gives a folder or file to the container's user, where that is somebody else. */
export function giveTo(owner: Policy['user'], path: string): void {
  if (process.getuid?.() !== owner.uid) chownSync(path, owner.uid, owner.gid);
}

/** What is there by a name, if anything is; nothing where what should be its folder is a file. Throws the system's error. */
export function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Does something with a private folder.
 * @throws UserError E_FOLDER with its path, where the system does not let it.
 */
export function using<Result>(path: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw unusable(path, error);
  }
}

/**
 * Makes a private folder and those that lead to it, below one that is there. Each must be a folder itself: what a
 * symlink leads to is not ours.
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

/** Makes a folder accessible to its owner, and to nobody else. */
export function makePrivate(folder: Held): void {
  return chmodSync(folder.path, 0o700);
}

function unusable(path: string, cause: unknown): UserError {
  return new UserError('E_FOLDER', `${printable(path)} cannot be used: ${messageOf(cause)}`, {
    hint: 'it has to be a folder of your own, not a symlink, in a folder that you can write to',
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
