/** Gives the agent's git SSH keys of the user, as copies for one session. */

import { closeSync, constants, fchownSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from '../part.rules.ts';
import { home, type Mount, type Policy } from '@ai-bakery/kernel/policy.ts';
import type { Session } from '../session/labels.rules.ts';
import { sshConfig } from './ssh-config.rules.ts';
import { makeFolder } from '../host/folder.ts';
import { makeSessionFolder } from '../session/session-folder.ts';
import { openSshFolder, readKey } from './ssh-folder.ts';

/** The folder of the keys and of ssh's other files in the container. */
const keyFolder = '/run/ai-run/ssh';

export type KeysOptions = {
  /** The caller's home folder, as a real path. */
  readonly userHome: string;
  readonly session: Session;
  /** The user of the container: `containerUser`. */
  readonly user: Policy['user'];
  /** Names of private keys in `~/.ssh`. */
  readonly keys: readonly string[];
  /** The flag or file that allows the keys: `--ssh-key`, `~/.ai-git-allowed`. */
  readonly by: string;
};

/**
 * Gives the agent's git the chosen SSH keys as copies, the user's known hosts, and the host settings of `~/.ssh/config`. Never
 * `~/.ssh` itself and never an SSH agent. The copies are removed at the end of the session.
 * @throws UserError E_SSH_KEY for a file that is not a private key, or a key with a passphrase.
 */
export async function openKeys(given: KeysOptions): Promise<Part> {
  const options = { ...given, keys: [...new Set(given.keys)] };
  const { userHome, session, keys, by } = options;
  const folder = await makeSessionFolder(userHome, session);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const mounts = writeKeyFolder(folder, options);
    const names = keys.map((name) => `~/.ssh/${name}`).join(', ');
    const isStranger = openSshFolder(userHome).file('known_hosts') === undefined;
    return {
      mounts,
      env: { GIT_SSH_COMMAND: `ssh -F ${keyFolder}/config` },
      notes: [
        `${by}: the agent can read ${names} and act as you on every server that accepts it; it also gets your known_hosts and the host settings of ~/.ssh/config`,
        ...(isStranger
          ? ['~/.ssh/known_hosts does not exist, so ssh trusts no host: connect once yourself']
          : []),
      ],
      finish: async () => {
        remove();
        return [];
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/**
 * Writes the files of the session, including an /etc/passwd for users without a name in the image.
 * @returns their mounts.
 */
function writeKeyFolder(folder: string, { userHome, user, keys }: KeysOptions): Mount[] {
  const ssh = openSshFolder(userHome);
  const texts = keys.map((name) => [name, readKey(ssh, name)] as const);
  const files = makeFolder(folder, 'files', { owner: user });
  for (const [name, text] of texts) {
    write(join(files, name), text, user);
    // ssh reads the certificate from the folder of the key.
    const certificate = ssh.file(`${name}-cert.pub`);
    if (certificate !== undefined) write(join(files, `${name}-cert.pub`), certificate, user);
  }
  const { include } = ssh;
  const text = ssh.file('config') ?? '';
  write(
    join(files, 'config'),
    sshConfig({ text, keys, folder: keyFolder, userHome, include }),
    user,
  );
  write(join(files, 'known_hosts'), ssh.file('known_hosts') ?? '', user);
  const mounts: Mount[] = [{ type: 'bind', source: files, target: keyFolder, readonly: true }];
  if (user.uid === 1000) return mounts;
  const source = join(folder, 'passwd');
  write(source, passwd(user), user, 0o444);
  return [...mounts, { type: 'bind', source, target: '/etc/passwd', readonly: true }];
}

/** ssh accepts only keys that its user owns and that others cannot read. */
function write(path: string, text: string, owner: Policy['user'], mode = 0o400): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    writeFileSync(file, text);
    if (process.getuid?.() !== owner.uid) fchownSync(file, owner.uid, owner.gid);
  } finally {
    closeSync(file);
  }
}

/** An /etc/passwd with the container's user: ssh fails for a uid without a name, and the images name uid 1000 only. */
function passwd({ uid, gid }: Policy['user']): string {
  return [
    'root:x:0:0:root:/root:/bin/bash',
    `node:x:1000:1000::${home}:/bin/bash`,
    `agent:x:${uid}:${gid}::${home}:/bin/bash`,
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    '',
  ].join('\n');
}
