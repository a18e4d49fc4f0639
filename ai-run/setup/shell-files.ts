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

/** The files of a user's shells: ours is written whole, theirs is changed by one line. */

/** The file that an interactive shell reads when it starts. */
export function rcFile(shell: Shell, home: string, env: NodeJS.ProcessEnv = process.env): string {
  if (shell === 'zsh') return join(env['ZDOTDIR'] || home, '.zshrc');
  if (shell === 'fish')
    return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'fish/config.fish');
  // A terminal of macOS starts a login shell, which reads this one.
  return join(home, process.platform === 'darwin' ? '.bash_profile' : '.bashrc');
}

/**
 * The bytes of a file, one character each; nothing where there is none.
 * @throws UserError E_SETUP
 */
export function readBytes(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isNothing(path)) return undefined;
    throw new UserError('E_SETUP', `${printable(path)} cannot be read: ${messageOf(error)}`, {
      hint: 'it has to be a file that you can read; mend it and try again',
    });
  }
}

/**
 * Writes a file whole or not at all. One that is there keeps its mode and owner, and a symbolic link stays one: what it leads
 * to is written.
 * @param text its bytes, one character each
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
      hint: 'where another program writes that file, let it add the line that `ai-run setup` shows',
      cause: error,
    });
  }
}

/** The agents that have aliases, in any shell. */
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

/** For messages: `~/.bashrc`. */
export function short(path: string, home: string): string {
  return printable(path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path);
}

/** Not for a symbolic link that leads nowhere, nor for a name that cannot be looked at. */
function isNothing(path: string): boolean {
  try {
    return entryAt(path) === undefined;
  } catch {
    return false;
  }
}
