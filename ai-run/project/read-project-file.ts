import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { projectFile } from './parse-project-file.rules.ts';
import { codeOf } from '../host/folder.ts';

const largest = 64 * 1024;

/**
 * The text of a project's file, or nothing where it has none.
 * @throws UserError E_PROJECT_FILE for a symbolic or hard link, what is no file, is larger than 64 KiB or is not UTF-8.
 */
export function readProjectFile(project: string): string | undefined {
  const handle = open(join(project, projectFile));
  if (handle === undefined) {
    const other = '.ai-run.yml';
    if (lstatSync(join(project, other), { throwIfNoEntry: false }) === undefined) return undefined;
    // Somebody relies on what it says.
    throw refused('is not there', `rename ${other}: it is not read`);
  }
  try {
    const state = fstatSync(handle);
    if (!state.isFile()) throw refused('is not a file', 'remove it');
    // By the other one, an agent could write what is mounted read-only by this one.
    if (state.nlink > 1)
      throw refused('has a second name (a hard link)', 'put a copy in its place');
    const bytes = new Uint8Array(largest + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(handle, bytes, length, bytes.length - length, null);
    if (length > largest) throw refused('is larger than 64 KiB', 'shorten it');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof TypeError) throw refused('is not UTF-8 text', 'write it again', error);
    throw error;
  } finally {
    closeSync(handle);
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw codeOf(error) === 'ELOOP'
      ? refused('is a symbolic link', 'put the file itself there, or remove it', error)
      : refused(`cannot be read: ${messageOf(error)}`, 'correct it, or remove it', error);
  }
}

function refused(what: string, hint: string, cause?: unknown): UserError {
  return new UserError('E_PROJECT_FILE', `${projectFile} ${what}`, { hint, cause });
}
