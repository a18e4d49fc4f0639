/** Chooses the SSH keys of a session, by flag, by question or by `~/.ai-git-allowed`. */

import { appendFileSync, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { allowedLine, parseAllowed } from './allowed.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { codeOf } from '../host/folder.ts';
import type { Ask } from '../host/ask.ts';
import { openSshFolder } from './ssh-folder.ts';

type Wish = {
  /** The caller's home folder, as a real path. */
  readonly userHome: string;
  /** The project's real path. */
  readonly project: string;
  /** `--ssh-key` */
  readonly sshKeys: readonly string[];
  /** `--git-credentials` */
  readonly gitCredentials: boolean;
  readonly ask?: Ask | undefined;
};

/**
 * Chooses the SSH keys of a session, and returns them with the flag or file that allows them; undefined without keys.
 * `--ssh-key` gives the named keys for the session. `--git-credentials` asks the user and stores the answer "always" in
 * `~/.ai-git-allowed`, which later sessions follow.
 * @throws UserError E_GIT_ALLOWED for a file that others can read or write, E_SSH_KEY if the user must choose a key, E_USAGE
 *   if the question needs a terminal.
 */
export async function chooseKeys(
  wish: Wish,
): Promise<{ readonly keys: readonly string[]; readonly by: string } | undefined> {
  const { userHome, project, sshKeys, gitCredentials, ask } = wish;
  if (sshKeys.length > 0 && !gitCredentials) return { keys: sshKeys, by: '--ssh-key' };
  const path = join(userHome, '.ai-git-allowed');
  const text = readAllowed(path);
  const stored = parseAllowed(text).get(project);
  if (stored !== undefined && sshKeys.length === 0)
    return { keys: stored, by: '~/.ai-git-allowed' };
  if (!gitCredentials) return undefined;
  const keys = candidates(wish);
  if (ask === undefined) {
    throw new UserError('E_USAGE', '--git-credentials needs a terminal for its question', {
      hint: `--ssh-key ${keys[0] ?? 'NAME'} gives a key for one session`,
    });
  }
  const names = keys.map((name) => `~/.ssh/${name}`).join(', ');
  const answer = await ask(`May agents in ${printable(project)} read and use ${names}?`, [
    'once',
    'always',
    'no',
  ]);
  // One write of one line to a file open for appending: lines stay whole even if other processes append.
  if (answer === 'always') appendFileSync(path, allowedLine(text, project, keys), { mode: 0o600 });
  return answer === 'once' || answer === 'always' ? { keys, by: '--git-credentials' } : undefined;
}

/** The text of `~/.ai-git-allowed`. Only the user may have access to it. */
function readAllowed(path: string): string {
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw new UserError('E_GIT_ALLOWED', `~/.ai-git-allowed cannot be read: ${messageOf(error)}`);
  }
  try {
    const found = fstatSync(handle);
    const isPrivate = (found.mode & 0o077) === 0 && found.uid === process.getuid?.();
    if (found.isFile() && isPrivate) return readFileSync(handle, 'utf8');
  } finally {
    closeSync(handle);
  }
  throw new UserError('E_GIT_ALLOWED', '~/.ai-git-allowed can be read or written by others', {
    hint: 'read what is in it, then: chmod 600 ~/.ai-git-allowed',
  });
}

/** The keys that the question names: those of `--ssh-key`, or the only key in `~/.ssh`. */
function candidates({ userHome, sshKeys }: Wish): readonly string[] {
  if (sshKeys.length > 0) return sshKeys;
  const found = openSshFolder(userHome).keys();
  if (found.length === 1) return found;
  throw new UserError(
    'E_SSH_KEY',
    found.length === 0
      ? '~/.ssh has no private key without a passphrase'
      : `~/.ssh has several keys: ${found.join(', ')}`,
    {
      hint:
        found.length === 0
          ? `make one for agents: ssh-keygen -t ed25519 -N '' -f ~/.ssh/agent`
          : 'choose with --ssh-key NAME',
    },
  );
}
