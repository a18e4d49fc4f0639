/** The files of the user's shells: ai-run's own is replaced as a whole, the user's by one line. */

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Shell, shells } from '@ai-bakery/kernel/completion-script.ts';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { aliasesOf, aliasFile } from './shell.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { entryAt } from '../host/folder.ts';

/** Returns the file that an interactive shell reads when it starts. */
export function rcFile(shell: Shell, home: string, env: NodeJS.ProcessEnv = process.env): string {
  if (shell === 'zsh') return join(env['ZDOTDIR'] || home, '.zshrc');
  if (shell === 'fish')
    return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'fish/config.fish');
  // Terminals on macOS start login shells, which read .bash_profile.
  return join(home, process.platform === 'darwin' ? '.bash_profile' : '.bashrc');
}

/**
 * Reads a file, one character per byte; returns undefined if it does not exist.
 * @throws UserError E_SETUP
 */
export function readBytes(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isNothing(path)) return undefined;
    throw new UserError('E_SETUP', `${printable(path)} cannot be read: ${messageOf(error)}`, {
      hint: 'make it a file that you can read, and try again',
    });
  }
}

/**
 * Writes a file atomically. An existing file keeps its mode and owner; of a symbolic link, the target is written.
 * @param text one character per byte
 * @throws UserError E_SETUP
 */
export function replaceFile(path: string, text: string, mode: number): void {
  let temporary: string | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    const target = link ? realpathSync.native(path) : path;
    const old = statSync(target, { throwIfNoEntry: false });
    temporary = `${target}.ai-run-${process.pid}`;
    writeFileSync(temporary, text, { encoding: 'latin1', mode: 0o600, flag: 'wx' });
    chmodSync(temporary, old === undefined ? mode : old.mode & 0o7777);
    if (old !== undefined && old.uid !== process.getuid?.()) chownSync(temporary, old.uid, old.gid);
    renameSync(temporary, target);
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw new UserError('E_SETUP', `${printable(path)} cannot be written: ${messageOf(error)}`, {
      hint: 'if another program manages that file, add the line that `ai-run setup` shows there',
      cause: error,
    });
  }
}

/** Returns the agents that have an alias in any shell. */
export function readAliases(home: string = homedir()): readonly string[] {
  return [
    ...new Set(
      shells.flatMap((shell) => {
        const path = join(home, aliasFile(shell));
        return existsSync(path) ? aliasesOf(readBytes(path) ?? '') : [];
      }),
    ),
  ];
}

/** Shortens a path for messages: `~/.bashrc`. */
export function short(path: string, home: string): string {
  return printable(path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path);
}

/** Whether nothing exists at a path: false for a dangling symbolic link, and for a path that cannot be examined. */
function isNothing(path: string): boolean {
  try {
    return entryAt(path) === undefined;
  } catch {
    return false;
  }
}
