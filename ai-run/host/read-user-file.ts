/** Reads a file that is the user's own. */

import { readFileSync, statSync } from 'node:fs';

/** In bytes: keys and configuration files are shorter. */
export const longest = 1024 * 1024;

/**
 * The text of a file, which may be a symlink: some users keep their files elsewhere and link them. Returns undefined if the
 * file does not exist, is not a regular file (a pipe may never end) or is too long.
 */
export function readUserFile(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size <= longest ? readFileSync(path, 'utf8') : undefined;
}
