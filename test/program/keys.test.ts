import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Owner, Session } from '../../ai-run/session/labels.rules.ts';
import { sshConfig } from '../../ai-run/keys/ssh-config.rules.ts';
import { chooseKeys } from '../../ai-run/keys/choose-keys.ts';
import { openKeys } from '../../ai-run/keys/keys.ts';
import { openSshFolder } from '../../ai-run/keys/ssh-folder.ts';
import type { Ask } from '../../ai-run/host/ask.ts';
import { sweepFolders } from '../../ai-run/session/session-folder.ts';
import { thisOwner } from '../../ai-run/session/owner.ts';

/** The user's `~/.ssh` with real keys, and what a session takes of it. */

let home: string;
const ssh = (...names: string[]): string => join(home, '.ssh', ...names);
const project = '/projects/shop';
const user = { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };

const makeKey = (name: string, passphrase = ''): void => {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', ssh(name)]);
};

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-keys-')));
  mkdirSync(ssh());
  makeKey('work');
  writeFileSync(ssh('known_hosts'), 'example.com ssh-ed25519 AAAA\n');
});
afterEach(() => rmSync(home, { recursive: true }));

const sessionOf = (owner: Owner, name = 'claude-shop-1'): Session => ({
  name,
  agent: 'claude',
  project,
  owner,
});
const open = async (keys: readonly string[], as = user) =>
  openKeys({
    userHome: home,
    session: sessionOf(await thisOwner()),
    user: as,
    keys,
    by: '--ssh-key',
  });

describe('a session', () => {
  test('gets copies of the chosen keys, for its user only, and leaves nothing', async () => {
    makeKey('home');
    writeFileSync(
      ssh('config'),
      'Host git\n  HostName git.example.com\n  ProxyCommand evil\n  IdentityFile ~/.ssh/work\n',
    );
    writeFileSync(ssh('work-cert.pub'), 'certificate');
    const { mounts, env, notes, finish } = await open(['work', 'work']);
    const files = join(home, '.ai-run/ssh/claude-shop-1/files');
    expect(mounts?.[0]).toEqual({
      type: 'bind',
      source: files,
      target: '/run/ai-run/ssh',
      readonly: true,
    });
    expect(env).toEqual({ GIT_SSH_COMMAND: 'ssh -F /run/ai-run/ssh/config' });
    expect(notes).toEqual([
      '--ssh-key: the agent can read ~/.ssh/work and act as you on every server that accepts it; it also gets your known_hosts and the host settings of ~/.ssh/config',
    ]);
    expect(readdirSync(files)).toEqual(['config', 'known_hosts', 'work', 'work-cert.pub']);
    expect(readFileSync(join(files, 'work'), 'utf8')).toBe(readFileSync(ssh('work'), 'utf8'));
    for (const name of readdirSync(files)) {
      const { mode, uid } = statSync(join(files, name));
      expect([mode & 0o777, uid]).toEqual([0o400, user.uid]);
    }
    expect(statSync(files).mode & 0o777).toBe(0o700);
    const config = readFileSync(join(files, 'config'), 'utf8');
    expect(config).toContain('HostName git.example.com\n  IdentityFile /run/ai-run/ssh/work\n');
    expect(config).not.toContain('evil');
    expect(await finish?.()).toEqual([]);
    expect(readdirSync(join(home, '.ai-run/ssh'))).toEqual([]);
    expect(readdirSync(ssh()).toSorted()).toEqual(
      ['config', 'home', 'home.pub', 'known_hosts', 'work', 'work-cert.pub', 'work.pub'].toSorted(),
    );
  });

  test.skipIf(user.uid === 1000)(
    'has a name for its user, where the image knows none',
    async () => {
      const as = { uid: user.uid === 0 ? 4321 : user.uid, gid: user.gid };
      const { mounts = [], finish } = await open(['work'], as);
      const passwd = mounts.find(({ target }) => target === '/etc/passwd');
      expect(passwd?.type === 'bind' && readFileSync(passwd.source, 'utf8')).toContain(
        `agent:x:${as.uid}:${as.gid}::/home/node:/bin/bash\n`,
      );
      await finish?.();
    },
  );

  test('is told that no host is known', async () => {
    rmSync(ssh('known_hosts'));
    const { notes, finish } = await open(['work']);
    expect(notes).toContain(
      '~/.ssh/known_hosts does not exist, so ssh trusts no host: connect once yourself',
    );
    await finish?.();
  });

  test.each([
    ['locked', '~/.ssh/locked needs a passphrase, which nobody can type for an agent'],
    ['missing', '~/.ssh/missing is not a private key'],
    ['known_hosts', '~/.ssh/known_hosts is not a private key'],
    ['work.pub', '~/.ssh/work.pub is not a private key'],
  ])('gets no key that is none, or locked, and leaves nothing: %s', async (name, message) => {
    makeKey('locked', 'passphrase');
    await expect(open(['work', name])).rejects.toThrow(
      expect.objectContaining({ code: 'E_SSH_KEY', message }),
    );
    expect(readdirSync(join(home, '.ai-run/ssh'))).toEqual([]);
  });
});

const left = (): string[] => readdirSync(join(home, '.ai-run/ssh'));

describe('keys of a session whose ai-run was killed', () => {
  test('are removed by the next start, those of others that live are not', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    const dead = { ...(await thisOwner()), pid: child.pid ?? 0 };
    const options = { userHome: home, user, keys: ['work'], by: '' };
    await openKeys({ ...options, session: sessionOf(dead, 'dead-shop-1') });
    await openKeys({ ...options, session: sessionOf(await thisOwner(), 'alive-shop-1') });
    mkdirSync(join(home, '.ai-run/ssh/half'));
    await sweepFolders(home);
    expect(left()).toEqual(['alive-shop-1', 'half']);
    // A folder that is being made is young.
    const old = new Date(Date.now() - 11_000);
    utimesSync(join(home, '.ai-run/ssh/half'), old, old);
    await sweepFolders(home);
    expect(left()).toEqual(['alive-shop-1']);
  });

  test('are no reason to fail where there are none', async () => {
    await sweepFolders(home);
    expect(existsSync(join(home, '.ai-run'))).toBe(false);
  });
});

const list = (): string => join(home, '.ai-git-allowed');
const choose = (wish: Partial<Parameters<typeof chooseKeys>[0]> = {}) =>
  chooseKeys({ userHome: home, project, sshKeys: [], gitCredentials: false, ...wish });

describe('the choice', () => {
  const asked: string[] = [];
  const answering =
    (answer: string | undefined): Ask =>
    async (question, answers) => {
      asked.push(question);
      return answers.find((one) => one === answer);
    };
  beforeEach(() => void asked.splice(0));

  test('is no key, and nobody is asked', async () => {
    expect(await choose({ ask: answering('always') })).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test('is a key that is named, for once: nobody is asked, nothing is remembered', async () => {
    const chosen = { keys: ['work'], by: '--ssh-key' };
    expect(await choose({ sshKeys: ['work'], ask: answering('no') })).toEqual(chosen);
    expect([asked, existsSync(list())]).toEqual([[], false]);
  });

  test.each(['once', 'no', undefined])('asks, and remembers nothing: %s', async (answer) => {
    const chosen = { keys: ['work'], by: '--git-credentials' };
    const ask = answering(answer);
    expect(await choose({ gitCredentials: true, ask })).toEqual(
      answer === 'once' ? chosen : undefined,
    );
    expect(asked).toEqual(['May agents in /projects/shop read and use ~/.ssh/work?']);
    expect(await choose({ ask })).toBeUndefined();
    expect([asked.length, existsSync(list())]).toEqual([1, false]);
  });

  test('asks, and remembers "always" for this project alone', async () => {
    const chosen = { keys: ['work'], by: '--git-credentials' };
    expect(await choose({ gitCredentials: true, ask: answering('always') })).toEqual(chosen);
    expect(readFileSync(list(), 'utf8')).toBe('work /projects/shop\n');
    expect(statSync(list()).mode & 0o777).toBe(0o600);
    const stored = { keys: ['work'], by: '~/.ai-git-allowed' };
    expect(await choose()).toEqual(stored);
    expect(await choose({ gitCredentials: true, ask: answering('no') })).toEqual(stored);
    expect(await choose({ project: '/projects/other' })).toBeUndefined();
    expect(await choose({ project: '/projects/shop/below' })).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  test('needs a name where there are several, and somebody to ask', async () => {
    makeKey('home');
    makeKey('locked', 'passphrase');
    await expect(choose({ gitCredentials: true, ask: answering('once') })).rejects.toThrow(
      '~/.ssh has several keys: home, work',
    );
    const wish = { gitCredentials: true, sshKeys: ['home'] };
    await expect(choose(wish)).rejects.toThrow('needs a terminal for its question');
    expect(await choose({ ...wish, ask: answering('once') })).toMatchObject({ keys: ['home'] });
  });

  test('takes no list that others can read, or that is none', async () => {
    writeFileSync(list(), 'work /projects/shop\n', { mode: 0o600 });
    expect(await choose()).toMatchObject({ keys: ['work'] });
    chmodSync(list(), 0o644);
    await expect(choose()).rejects.toThrow('can be read or written by others');
    rmSync(list());
    mkdirSync(list(), { mode: 0o700 });
    await expect(choose()).rejects.toThrow('can be read or written by others');
  });
});

test('an included file is one below ~/.ssh, by its real path', () => {
  mkdirSync(ssh('config.d'));
  for (const name of ['b', 'a', '.hidden']) writeFileSync(ssh('config.d', name), name);
  writeFileSync(join(home, 'outside'), 'outside');
  symlinkSync(join(home, 'outside'), ssh('link'));
  symlinkSync(home, ssh('folder'));
  const { include } = openSshFolder(home);
  expect(include('config.d/*')).toEqual(['a', 'b']);
  expect(include('~/.ssh/config.d/?')).toEqual(['a', 'b']);
  expect(include(`${ssh()}/config.d/a`)).toEqual(['a']);
  for (const pattern of [
    'link',
    'folder/outside',
    '../outside',
    '~/outside',
    join(home, 'outside'),
  ])
    expect([pattern, include(pattern)]).toEqual([pattern, []]);
});

test('ssh reads the filtered file as it reads the user’s own, but for what is left out', () => {
  mkdirSync(ssh('config.d'));
  writeFileSync(ssh('config.d/one'), 'Host inner\n  Port 7\n');
  const text = [
    'Include config.d/*',
    'ServerAliveInterval 30',
    'Host git',
    '  HostName git.example.com',
    '  StrictHostKeyChecking no',
    '  ProxyCommand evil',
    '  PermitLocalCommand yes',
    '  LocalCommand evil',
    '  ForwardAgent yes',
    'Match originalhost other exec "touch evil"',
    '  User nobody',
    'Host git other',
    '  User=me',
    '  Port 2222',
    'Host !git *',
    '  ConnectTimeout 9',
  ].join('\n');
  writeFileSync(
    ssh('config'),
    text.replace('Match originalhost other exec "touch evil"', 'Host no'),
  );
  const folder = join(home, 'k');
  const { include } = openSshFolder(home);
  writeFileSync(
    join(home, 'filtered'),
    sshConfig({ text, keys: ['work'], folder, userHome: home, include }),
  );
  const resolved = (file: string, host: string): ReadonlyMap<string, string> =>
    new Map(
      execFileSync('ssh', ['-G', '-F', file, host], {
        encoding: 'utf8',
        env: { ...process.env, HOME: home },
        stdio: 'pipe',
      })
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
    );
  // ssh itself looks for included files in the home that the system knows.
  writeFileSync(
    ssh('config'),
    readFileSync(ssh('config'), 'utf8').replace('config.d', ssh('config.d')),
  );
  for (const host of ['git', 'other', 'inner', 'else']) {
    const [own, ours] = [resolved(ssh('config'), host), resolved(join(home, 'filtered'), host)];
    for (const key of ['hostname', 'user', 'port', 'serveraliveinterval', 'connecttimeout'])
      expect([host, key, ours.get(key)]).toEqual([host, key, own.get(key)]);
    expect(ours.get('stricthostkeychecking')).toBe('true');
    expect(ours.get('identityfile')).toBe(join(folder, 'work'));
    expect(ours.get('forwardagent')).toBe('no');
    expect([ours.has('proxycommand'), ours.has('localcommand')]).toEqual([false, false]);
  }
  // The control: the user's own file does all of that.
  const own = resolved(ssh('config'), 'git');
  expect([own.get('proxycommand'), own.get('stricthostkeychecking')]).toEqual(['evil', 'false']);
  expect([own.get('forwardagent'), own.get('localcommand')]).toEqual(['yes', 'evil']);
});
