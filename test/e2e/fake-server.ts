import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { until } from './fake-caller.ts';
import { docker } from './support.ts';

/** A git server of the test's own: sshd, where containers of docker's default network reach it. */

const sshd = ['/usr/sbin/sshd', '/usr/bin/sshd'].find((path) => existsSync(path));

/** Why there can be none here, or nothing. */
export const noServer: string | undefined =
  sshd === undefined ? 'no sshd: install openssh-server' : undefined;

export type GitServer = {
  readonly host: string;
  readonly port: number;
  /** Its line in a user's `known_hosts`. */
  readonly known: string;
  /** The branch's last commit message in the bare repository. */
  readonly subject: () => string;
  /** `ssh://…` of the bare repository. */
  readonly url: string;
  readonly log: () => string;
  readonly close: () => Promise<void>;
};

const freePort = async (host: string): Promise<number> => {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

export const makeKey = (path: string): void => {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
};

/**
 * @param folder the folder of its files
 * @param accepted the public key that it takes
 */
export const openServer = async (folder: string, accepted: string): Promise<GitServer> => {
  const { stdout } = await docker(
    'network',
    'inspect',
    'bridge',
    '--format={{(index .IPAM.Config 0).Gateway}}',
  );
  const host = stdout.trim();
  const port = await freePort(host);
  // Run as root, sshd wants this folder, which its package leaves to the init system.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  mkdirSync(folder);
  makeKey(join(folder, 'host_key'));
  writeFileSync(join(folder, 'authorized_keys'), accepted);
  const repository = join(folder, 'shop.git');
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', repository]);
  const config = join(folder, 'sshd_config');
  writeFileSync(
    config,
    [
      `ListenAddress ${host}:${port}`,
      `HostKey ${folder}/host_key`,
      `AuthorizedKeysFile ${folder}/authorized_keys`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      '',
    ].join('\n'),
  );
  let log = '';
  const server: ChildProcess = spawn(sshd ?? '', ['-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  server.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  await until(`sshd listens: ${log}`, () => /Server listening/.test(log), 10);
  const [kind, key] = readFileSync(join(folder, 'host_key.pub'), 'utf8').split(' ');
  return {
    host,
    port,
    known: `[${host}]:${port} ${kind} ${key}\n`,
    subject: () => {
      const args = ['--git-dir', repository, 'log', '-1', '--format=%an: %s', 'main'];
      try {
        return execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
      } catch {
        return '';
      }
    },
    url: `ssh://${userInfo().username}@git.test${repository}`,
    log: () => log,
    close: async () => {
      if (server.exitCode !== null) return;
      server.kill();
      await once(server, 'exit');
    },
  };
};
