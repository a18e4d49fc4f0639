/** Writes whole files, and reports a file that cannot be written. */

import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';

/** The error for a full disk or a folder without permission, which the user can repair. */
export function cannotWrite(path: string, error: unknown): UserError {
  return new UserError('E_FILE', `cannot write ${path}: ${messageOf(error)}`, {
    hint: 'make room, or correct the permissions; then run the same command again',
    cause: error,
  });
}

/**
 * Writes a whole file or nothing: readers see the old text or the new one, even if the writer is killed.
 * @throws UserError E_FILE with the path and the reason.
 */
export async function writeAtomic(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw cannotWrite(path, error);
  }
}
