/** The real places of a path: every symlink on the way and the file at its end. */

import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isWithin } from '../project/folders.rules.ts';

/** The limit of Linux: path_resolution(7). */
const mostLinks = 40;

/**
 * The places of a path: each symlink on the way, and the file at its end, even if it does not exist. Write access to the folder
 * of any of these places decides which file is read under this path.
 * @param path absolute
 */
export function placesOf(path: string): readonly string[] {
  const links: string[] = [];
  const names = path.split('/').toReversed();
  // Has no symlinks, so `..` is its parent folder.
  let place = '/';
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    if (name === '' || name === '.') continue;
    const next = join(place, name);
    const target = name === '..' ? undefined : readLink(next);
    if (target === undefined) {
      place = next;
      continue;
    }
    links.push(next);
    if (links.length > mostLinks) break;
    if (target.startsWith('/')) place = '/';
    names.push(...target.split('/').toReversed());
  }
  return [...links, place].map(spelled);
}

/** The real path of an existing file or folder; undefined if it cannot be resolved. */
export function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** The first of the folders that contains one of the places of a path. */
export function folderOnTheWay(path: string, folders: readonly string[]): string | undefined {
  const places = placesOf(path);
  return folders.find((folder) => places.some((place) => isWithin(place, folder)));
}

/** The target of a symlink; undefined for everything else. */
function readLink(path: string): string | undefined {
  try {
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return isLink ? readlinkSync(path) : undefined;
  } catch {
    // The path cannot be followed through an unreadable folder either.
    return undefined;
  }
}

/** The path in the file system's own spelling, for those that ignore case; a symlink at its end is not followed. */
function spelled(path: string): string {
  try {
    return join(realpathSync.native(dirname(path)), basename(path));
  } catch {
    return path;
  }
}
