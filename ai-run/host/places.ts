import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isWithin } from '../project/folders.rules.ts';

/** As many as Linux follows: path_resolution(7). */
const mostLinks = 40;

/**
 * Where a path leads: the place of each symlink on the way, and of the file at its end, whether it is there or not. Whoever
 * can write to the folder of one of them decides what is read under this path.
 * @param path absolute
 */
export function placesOf(path: string): readonly string[] {
  const links: string[] = [];
  const names = path.split('/').toReversed();
  // Free of symlinks: `..` leads to the folder above it.
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

/** The first of the folders in which one of the places of a path lies. */
export function folderOnTheWay(path: string, folders: readonly string[]): string | undefined {
  const places = placesOf(path);
  return folders.find((folder) => places.some((place) => isWithin(place, folder)));
}

/** What a symlink says; nothing for all else. */
function readLink(path: string): string | undefined {
  try {
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return isLink ? readlinkSync(path) : undefined;
  } catch {
    // In a folder that cannot be looked into, nothing can be followed either.
    return undefined;
  }
}

/** Spelled as the file system has it, which matters where it ignores case; the last name may be that of a symlink. */
function spelled(path: string): string {
  try {
    return join(realpathSync.native(dirname(path)), basename(path));
  } catch {
    return path;
  }
}
