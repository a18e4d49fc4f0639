/** The reader of .ai-run.yaml: a plain file of bounded size, never a link. */

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { projectFile } from './parse-project-file.rules.ts';
import { codeOf } from '../host/folder.ts';

const largest = 64 * 1024;

/**
 * Reads a project's file; returns undefined if it does not exist.
 * @throws UserError E_PROJECT_FILE if it is a symbolic or hard link, not a file, larger than 64 KiB or not UTF-8.
 */
export function readProjectFile(project: string): string | undefined {
  const handle = open(join(project, projectFile));
  if (handle === undefined) {
    const other = '.ai-run.yml';
    if (lstatSync(join(project, other), { throwIfNoEntry: false }) === undefined) return undefined;
    // The user relies on a file that ai-run would ignore.
    throw refused('does not exist', `rename ${other}, which ai-run does not read`);
  }
  try {
    const state = fstatSync(handle);
    if (!state.isFile()) throw refused('is not a file', 'remove it');
    // An agent could write by the other name to the file that is mounted read-only by this one.
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
