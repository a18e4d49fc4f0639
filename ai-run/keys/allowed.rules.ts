import { UserError } from '@ai-bakery/kernel/error.ts';
import { isMountable } from '@ai-bakery/kernel/launch.ts';
import { isKeyName } from './key-name.rules.ts';

/** Which SSH keys agents may use in which workspaces, by real path. */
export type Allowed = ReadonlyMap<string, readonly string[]>;

/**
 * Reads `~/.ai-git-allowed`: one workspace per line, `KEY[,KEY…] /its/path`, keys by their names in `~/.ssh`, the path as
 * it is; `#` starts a comment line. Of two lines for a workspace the last one holds.
 * @throws UserError E_GIT_ALLOWED with the line that is none.
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
 * A line to append to `~/.ai-git-allowed`, after the text that is there.
 * @throws UserError E_GIT_ALLOWED for a path that would be more than a line.
 */
export function allowedLine(text: string, path: string, keys: readonly string[]): string {
  if (!isMountable(path)) {
    throw new UserError('E_GIT_ALLOWED', `cannot be remembered: ${JSON.stringify(path)}`, {
      hint: 'rename the folder',
    });
  }
  return `${text === '' || text.endsWith('\n') ? '' : '\n'}${keys.join(',')} ${path}\n`;
}
