import { closeSync, constants, fchownSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from '../part.rules.ts';
import { home, type Mount, type Policy } from '@ai-bakery/kernel/policy.ts';
import type { Session } from '../session/labels.rules.ts';
import { sshConfig } from './ssh-config.rules.ts';
import { makeFolder } from '../host/folder.ts';
import { makeSessionFolder } from '../session/session-folder.ts';
import { openSshFolder, readKey } from './ssh-folder.ts';

/** Where the container finds the keys, and what ssh needs beside them. */
const place = '/run/ai-run/ssh';

export type KeysOptions = {
  /** The caller's home folder, as a real path. */
  readonly userHome: string;
  readonly session: Session;
  /** Who the container runs as: `containerUser`. */
  readonly user: Policy['user'];
  /** Names of private keys in `~/.ssh`. */
  readonly keys: readonly string[];
  /** What allows it: `--ssh-key`, `~/.ai-git-allowed`. */
  readonly by: string;
};

/**
 * Lets the agent's git use SSH keys of the user: copies of those that were chosen, the user's known hosts, and what
 * `~/.ssh/config` says of hosts. Never `~/.ssh` itself and never an SSH agent. The copies end with the session.
 * @throws UserError E_SSH_KEY for what is no key, or one with a passphrase.
 */
export async function openKeys(given: KeysOptions): Promise<Part> {
  const options = { ...given, keys: [...new Set(given.keys)] };
  const { userHome, session, keys, by } = options;
  const folder = await makeSessionFolder(userHome, session);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const mounts = fill(folder, options);
    const names = keys.map((name) => `~/.ssh/${name}`).join(', ');
    const isStranger = openSshFolder(userHome).file('known_hosts') === undefined;
    return {
      mounts,
      env: { GIT_SSH_COMMAND: `ssh -F ${place}/config` },
      notes: [
        `${by}: the agent can read ${names} and act as you wherever it is accepted, knows your known_hosts and the hosts of ~/.ssh/config`,
        ...(isStranger
          ? ['there is no ~/.ssh/known_hosts, so that no host is trusted: connect once yourself']
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

function fill(folder: string, { userHome, user, keys }: KeysOptions): Mount[] {
  const ssh = openSshFolder(userHome);
  const texts = keys.map((name) => [name, readKey(ssh, name)] as const);
  const files = makeFolder(folder, 'files', { owner: user });
  for (const [name, text] of texts) {
    write(join(files, name), text, user);
    // ssh looks for it beside the key.
    const certificate = ssh.file(`${name}-cert.pub`);
    if (certificate !== undefined) write(join(files, `${name}-cert.pub`), certificate, user);
  }
  const { include } = ssh;
  const text = ssh.file('config') ?? '';
  write(join(files, 'config'), sshConfig({ text, keys, folder: place, userHome, include }), user);
  write(join(files, 'known_hosts'), ssh.file('known_hosts') ?? '', user);
  const mounts: Mount[] = [{ type: 'bind', source: files, target: place, readonly: true }];
  if (user.uid === 1000) return mounts;
  const source = join(folder, 'passwd');
  write(source, passwd(user), user, 0o444);
  return [...mounts, { type: 'bind', source, target: '/etc/passwd', readonly: true }];
}

/** ssh takes a key only from a file that is its user's own and nobody else's to read. */
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

/** ssh ends at once where its user has no name; the images know uid 1000. */
function passwd({ uid, gid }: Policy['user']): string {
  return [
    'root:x:0:0:root:/root:/bin/bash',
    `node:x:1000:1000::${home}:/bin/bash`,
    `agent:x:${uid}:${gid}::${home}:/bin/bash`,
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    '',
  ].join('\n');
}
