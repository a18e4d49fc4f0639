/** The format of `~/.ai-git-allowed`: the SSH keys that agents may use, by workspace. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { isMountable } from '@ai-bakery/kernel/launch.ts';
import { isKeyName } from './key-name.rules.ts';

/** The SSH keys that agents may use, by the real path of the workspace. */
export type Allowed = ReadonlyMap<string, readonly string[]>;

/**
 * Parses `~/.ai-git-allowed`: one workspace per line, `KEY[,KEY…] /its/path`, with the names of keys in `~/.ssh` and the path
 * unquoted; `#` starts a comment line. The last line for a workspace wins.
 * @throws UserError E_GIT_ALLOWED with the first invalid line.
 */
export function parseAllowed(text: string): Allowed {
  const allowed = new Map<string, readonly string[]>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, names = '', path = ''] = /^(\S+) (\/.*)$/.exec(line) ?? [];
    const keys = names.split(',');
    if (path === '' || !keys.every(isKeyName) || !isMountable(path)) {
      throw new UserError(
        'E_GIT_ALLOWED',
        `~/.ai-git-allowed, line ${index + 1}: expected keys and a path, got ${JSON.stringify(line)}`,
        { hint: 'write one workspace per line, like "id_ed25519 /home/me/src/app"' },
      );
    }
    allowed.set(path, keys);
  }
  return allowed;
}

/**
 * The line to append to the text of `~/.ai-git-allowed`.
 * @throws UserError E_GIT_ALLOWED for a path that does not fit on one line.
 */
export function allowedLine(text: string, path: string, keys: readonly string[]): string {
  if (!isMountable(path)) {
    throw new UserError(
      'E_GIT_ALLOWED',
      `this path cannot be stored in ~/.ai-git-allowed: ${JSON.stringify(path)}`,
      {
        hint: 'rename the folder',
      },
    );
  }
  return `${text === '' || text.endsWith('\n') ? '' : '\n'}${keys.join(',')} ${path}\n`;
}
