/** Reads the keys and settings in the user's `~/.ssh`. */

import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { isKeyName, keyKind } from './key-name.rules.ts';
import { isWithin } from '../project/folders.rules.ts';
import { readUserFile } from '../host/read-user-file.ts';

export type SshFolder = {
  /** The text of a file, by name; it may be a symlink, for users who keep their keys elsewhere. */
  readonly file: (name: string) => string | undefined;
  /** The names of all private keys without a passphrase. */
  readonly keys: () => readonly string[];
  /** The texts of the files in the folder that match an `Include` pattern; `*` and `?` work in the last name only. */
  readonly include: (pattern: string) => readonly string[];
};

export function openSshFolder(userHome: string): SshFolder {
  const folder = join(userHome, '.ssh');
  const file = (name: string) => readUserFile(join(folder, name));
  return {
    file,
    keys: () =>
      namesIn(folder).filter((name) => isKeyName(name) && keyKind(file(name) ?? '') === 'key'),
    include: (pattern) => {
      const prefix = ['~/.ssh/', `${folder}/`].find((one) => pattern.startsWith(one)) ?? '';
      const path = pattern.slice(prefix.length);
      if (/^[~/]|(^|\/)\.\.(\/|$)|[[\]\\]/.test(path)) return [];
      const parent = join(folder, dirname(path));
      const last = path
        .slice(path.lastIndexOf('/') + 1)
        .replaceAll(/[.^$+(){}|]/g, String.raw`\$&`);
      const glob = new RegExp(`^${last.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`);
      return namesIn(parent)
        .filter((name) => glob.test(name) && (!name.startsWith('.') || last.startsWith('\\.')))
        .map((name) => join(parent, name))
        .filter((one) => isInside(one, folder))
        .flatMap((one) => readUserFile(one) ?? []);
    },
  };
}

/**
 * The text of a private key that an agent can use.
 * @throws UserError E_SSH_KEY for a file that is missing or not a private key, and for a key with a passphrase.
 */
export function readKey(ssh: SshFolder, name: string): string {
  const text = ssh.file(name) ?? '';
  switch (keyKind(text)) {
    case 'key':
      return text;
    case 'no key': {
      const names = ssh.keys().join(', ');
      throw new UserError('E_SSH_KEY', `~/.ssh/${name} is not a private key`, {
        hint: names === '' ? '~/.ssh has no private key' : `keys in ~/.ssh: ${names}`,
      });
    }
    case 'passphrase':
      throw new UserError(
        'E_SSH_KEY',
        `~/.ssh/${name} needs a passphrase, which nobody can type for an agent`,
        {
          hint: `make a key for agents: ssh-keygen -t ed25519 -N '' -f ~/.ssh/agent, and give it access to the repositories that they need`,
        },
      );
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

function isInside(path: string, folder: string): boolean {
  try {
    return isWithin(realpathSync(path), realpathSync(folder));
  } catch {
    return false;
  }
}
