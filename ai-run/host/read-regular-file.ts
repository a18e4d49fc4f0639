/** Reads a file that an agent could have written. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * The text of a regular file; undefined if it does not exist, is not a regular file (a symbolic link, a pipe that would never
 * end) or is longer than `limit` bytes.
 */
export async function readRegularFile(path: string, limit: number): Promise<string | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const state = await file.stat();
    return state.isFile() && state.size <= limit ? await file.readFile('utf8') : undefined;
  } finally {
    await file.close();
  }
}
