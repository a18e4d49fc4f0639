/** The reader of ~/.ai-env, the user's settings and keys for all projects. */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { parseEnvFile } from './env-file.rules.ts';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import type { Variables } from '@ai-bakery/kernel/variable.ts';
import { codeOf } from '../host/folder.ts';

/**
 * Returns the variables of `~/.ai-env`; none if it does not exist. It may be a symbolic link: the target is checked.
 * @throws UserError E_ENV_FILE if it is not a private file of the caller's, cannot be read, or contains mistakes.
 */
export function readEnvFile(path = join(homedir(), '.ai-env')): Variables {
  let descriptor: number;
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {};
    throw refused(
      `${path} cannot be opened: ${messageOf(error)}`,
      formatCommand({ file: 'chmod', args: ['600', path] }),
      error,
    );
  }
  try {
    // The open file is checked and read, not its name, which may lead elsewhere by then.
    checkPrivate(descriptor, path);
    return parseEnvFile(decode(readFileSync(descriptor), path), path);
  } finally {
    closeSync(descriptor);
  }
}

function refused(message: string, hint: string, cause?: unknown): UserError {
  return new UserError('E_ENV_FILE', message, { hint, cause });
}

/** Refuses a file that another user can read or write, or could have written. */
function checkPrivate(descriptor: number, path: string): void {
  const state = fstatSync(descriptor);
  if (!state.isFile()) throw refused(`${path} is not a file`, 'move it out of the way');
  const user = process.getuid?.() ?? state.uid;
  if (state.uid !== user) {
    throw refused(
      `${path} belongs to user ${state.uid}, not to you (${user})`,
      `run ${formatCommand({ file: 'rm', args: [path] })}, then write a file of your own`,
    );
  }
  if ((state.mode & 0o077) !== 0) {
    throw refused(
      `${path} holds keys, but other users can read or write it (mode ${(state.mode & 0o777).toString(8).padStart(3, '0')})`,
      formatCommand({ file: 'chmod', args: ['600', path] }),
    );
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw refused(`${path} is not UTF-8 text`, 'write it again as text', error);
  }
}
