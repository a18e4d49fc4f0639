import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ask, askOn } from '../../../ai-run/host/ask.ts';
import { launch } from '../../../kernel/launch.ts';
import { harden } from '../../../kernel/policy.ts';
import {
  checkFolder,
  parseMount,
  parseWorkspaces,
  workspaceLine,
} from '../../../ai-run/project/folders.rules.ts';
import { findUserHome, findWorkspace, openWorkspaces } from '../../../ai-run/project/workspace.ts';

const code = (name: string) => expect.objectContaining({ code: name });

describe('a folder that holds more than a project', () => {
  test.each([
    ['/', 'home folder'],
    ['/home', 'home folder'],
    ['/home/me', 'home folder'],
    ['/home/me/.ssh', '~/.ssh'],
    ['/home/me/.ssh/keys/old', '~/.ssh'],
    ['/home/me/.aws', '~/.aws'],
    ['/home/me/.gnupg', '~/.gnupg'],
    ['/home/me/.config/nvim', '~/.config'],
    ['/home/me/.docker', '~/.docker'],
    ['/home/me/.kube', '~/.kube'],
    ['/home/me/.local', '~/.local/share'],
    ['/home/me/.ai-home/claude', 'ai-run'],
    ['/home/me/.ai-cache', 'ai-run'],
    ['/etc', 'the system'],
    ['/etc/nginx', 'the system'],
    ['/usr/src/app', 'the system'],
    ['/var/lib/docker/volumes/x', 'the system'],
    ['/proc/self/cwd', 'the system'],
    ['/sys', 'the system'],
    ['/dev/shm/x', 'the system'],
    ['/run/user/1000', 'the system'],
    ['/boot', 'the system'],
    ['/root/app', 'the system'],
    ['/tmp', 'more than one project'],
    ['/opt', 'more than one project'],
    ['/opt/agent/bin', 'the image'],
    ['/home/node', 'the image'],
    ['/src/a"b', 'quotes'],
    ['/src/a\nb', 'line breaks'],
  ])('is refused: %j', (folder, reason) => {
    expect(() => checkFolder(folder, '/home/me')).toThrow(reason);
    expect(() => checkFolder(folder, '/home/me')).toThrow(code('E_WORKSPACE'));
  });

  test.each([
    ['/home/me/src', '/home/me'],
    ['/home/me/.dotfiles', '/home/me'],
    ['/home/me/.sshfs/x', '/home/me'],
    ['/home/me/.local/share/chezmoi', '/home/me'],
    ['/home/me/a, b', '/home/me'],
    ['/home/melissa/src', '/home/me'],
    ['/etcetera', '/home/me'],
    ['/tmp/x', '/home/me'],
    ['/opt/agents', '/home/me'],
    ['/root/app', '/root'],
    ['/var/home/me/app', '/var/home/me'],
  ])('is none: %j below the home %j', (folder, userHome) => {
    expect(() => checkFolder(folder, userHome)).not.toThrow();
  });
});

describe('the list of workspaces', () => {
  test('is one path per line, as it is', () => {
    const lines = '# mine\n/src/a\n\n   \n/src/b # no comment\r\n/src/with space ';
    expect(parseWorkspaces(lines)).toEqual(['/src/a', '/src/b # no comment', '/src/with space ']);
  });

  test.each(['src/a', '~/src', '"/src/a"', ' /src/a', '$(id)'])('refuses %j by line', (line) => {
    expect(() => parseWorkspaces(`/a\n${line}\n`)).toThrow(/line 2: not an absolute path/);
  });

  test.each(['', '/a\n', '/a', '# x', '/a\n\n'])('reads back what is added to %j', (before) => {
    const folder = '/src/#1 a, b ';
    const lines = parseWorkspaces(before + workspaceLine(before, folder));
    expect(lines).toEqual([...parseWorkspaces(before), folder]);
  });
});

test.each([
  ['/a', { folder: '/a', readonly: false }],
  ['/a:ro', { folder: '/a', readonly: true }],
  ['../b:rw', { folder: '../b', readonly: false }],
  ['/a:b:ro', { folder: '/a:b', readonly: true }],
  ['/a:b', { folder: '/a:b', readonly: false }],
  ['/a\nb:ro', { folder: '/a\nb', readonly: true }],
])('--mount %j is read', (value, expected) => {
  expect(parseMount(value)).toEqual(expected);
});

test.each(['', ':ro'])('--mount %j is refused', (value) => {
  expect(() => parseMount(value)).toThrow(code('E_USAGE'));
});

let root = '';
const at = (...names: string[]): string => join(root, ...names);
const list = (...folders: string[]): void =>
  writeFileSync(at('me/.ai-workspaces'), folders.map((folder) => `${folder}\n`).join(''));
const open = (folder: string, ask?: Ask) =>
  openWorkspaces([{ folder, readonly: false }], { userHome: at('me'), ask });
const savedList = (): string => readFileSync(at('me/.ai-workspaces'), 'utf8');
const request = (folder: string, readonly: boolean) => ({ folder, readonly });
/** Somebody who types this. */
const typing = (text: string): Ask => {
  const input = new PassThrough();
  input.end(text);
  return askOn(input, new PassThrough());
};

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-workspace-')));
  mkdirSync(at('src/app/api'), { recursive: true });
  mkdirSync(at('other'));
  mkdirSync(at('me'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('a workspace', () => {
  test.each(['src', 'src/app', 'src/app/api'])(
    'is open in and below a listed folder: %s',
    async (name) => {
      list(at('src'));
      const { mounts } = await open(at(name));
      expect(mounts).toEqual([
        { type: 'bind', source: at(name), target: at(name), readonly: false },
      ]);
    },
  );

  test('is refused beside and above a listed folder', async () => {
    list(at('src/app'));
    mkdirSync(at('src/app2'));
    await expect(open(at('src/app2'))).rejects.toThrow(code('E_WORKSPACE'));
    await expect(open(at('src'))).rejects.toThrow(code('E_WORKSPACE'));
  });

  test('is opened by its real path, through a listed symlink and from one', async () => {
    symlinkSync(at('src'), at('link'));
    list(at('gone'), at('link'));
    const { mounts } = await open(at('link/app'));
    expect(mounts[0]).toMatchObject({ source: at('src/app'), target: at('src/app') });
  });

  test('is not opened because a symlink to it lies in a listed folder', async () => {
    symlinkSync(at('other'), at('src/link'));
    list(at('src'));
    await expect(open(at('src/link'))).rejects.toThrow(`${at('other')} is not in`);
  });

  test('is never the home, though it is listed', async () => {
    list('/', at('me'));
    symlinkSync(at('me'), at('src/home'));
    for (const folder of ['/', at('me'), root, at('src/home')]) {
      // oxlint-disable-next-line no-await-in-loop
      await expect(open(folder)).rejects.toThrow('it is or contains your home folder');
    }
    // The list is in order: it opens other folders.
    await expect(open(at('src'))).resolves.toBeDefined();
  });

  test.each([
    ['a file', 'src/file', 'not a folder'],
    ['nothing', 'src/none', 'ENOENT'],
    ['a pipe', 'src/pipe', 'not a folder'],
  ])('is not %s', async (what, name, message) => {
    if (what === 'a file') writeFileSync(at(name), '');
    if (what === 'a pipe') execFileSync('/bin/sh', ['-c', 'mkfifo "$1"', 'sh', at(name)]);
    await expect(async () => open(at(name))).rejects.toThrow(message);
    expect(() => findWorkspace(at(name), at('me'))).toThrow(code('E_WORKSPACE'));
  });

  test('tells the line that a shell can add', async () => {
    const folder = at("it's $(id)");
    mkdirSync(folder);
    const { hint } = (await open(folder).catch((error: unknown) => error)) as { hint: string };
    const line = hint.replace('add it: ', '').replace('~', at('me'));
    execFileSync('/bin/sh', ['-c', line]);
    await expect(open(folder)).resolves.toBeDefined();
  });
});

test('the home of the caller is a real path, or the caller is told', () => {
  const before = process.env['HOME'];
  try {
    symlinkSync(at('me'), at('link'));
    process.env['HOME'] = at('link');
    expect(findUserHome()).toBe(at('me'));
    process.env['HOME'] = at('none');
    expect(() => findUserHome()).toThrow(code('E_HOME'));
  } finally {
    process.env['HOME'] = before;
  }
});

describe('somebody who is asked', () => {
  test.each(['always\n', 'a\n', 'maybe\nALWAYS\n'])(
    'and types %j is asked once',
    async (answer) => {
      await open(at('src'), typing(answer));
      expect(savedList()).toBe(`${at('src')}\n`);
      expect(statSync(at('me/.ai-workspaces')).mode & 0o777).toBe(0o600);
      await expect(open(at('src'))).resolves.toBeDefined();
    },
  );

  test('and says always keeps what is listed', async () => {
    writeFileSync(at('me/.ai-workspaces'), '# mine\n/a');
    await open(at('src'), typing('always\n'));
    expect(savedList()).toBe(`# mine\n/a\n${at('src')}\n`);
  });

  test('and says once is asked again', async () => {
    list();
    await expect(open(at('src'), typing('once\n'))).resolves.toBeDefined();
    expect(savedList()).toBe('');
    await expect(open(at('src'))).rejects.toThrow(code('E_WORKSPACE'));
  });

  test.each(['no\n', 'n\n', '', 'perhaps\n', '\n'])('and types %j refuses', async (answer) => {
    await expect(open(at('src'), typing(answer))).rejects.toThrow(code('E_WORKSPACE'));
    await expect(open(at('src'))).rejects.toThrow(code('E_WORKSPACE'));
  });

  test('is not asked about what is never shared', async () => {
    await expect(open(at('me'), typing('always\n'))).rejects.toThrow('home folder');
  });

  test('lists folders at the same moment as others do', async () => {
    const names = Array.from({ length: 20 }, (_, index) => at(`src/${index}`));
    for (const name of names) mkdirSync(name);
    await Promise.all(names.map((name) => open(name, typing('always\n'))));
    expect(new Set(parseWorkspaces(savedList()))).toEqual(new Set(names));
  });
});

// Only root can become somebody whom nobody knows.
test.runIf(process.getuid?.() === 0)(
  'a user who is not known and has no HOME is told to set it',
  () => {
    const script = `const { findUserHome } = await import('./ai-run/project/workspace.ts');
    process.setuid?.(4_000_000_000);
    delete process.env.HOME;
    try { findUserHome() } catch (error) { console.log(error.code, error.hint) }`;
    const args = ['--input-type=module-typescript', '--eval', script];
    const said = execFileSync(process.execPath, args, { encoding: 'utf8', env: { HOME: '/' } });
    expect(said).toBe('E_HOME set HOME to your home folder\n');
  },
);

describe('a list that cannot be used', () => {
  test.each([
    ['a folder', 'mkdir "$1"'],
    ['a pipe', 'mkfifo -m 600 "$1"'],
    ['a link to a folder', 'mkdir "$1.d"; ln -s "$1.d" "$1"'],
  ])('is %s: the user is told', async (_, script) => {
    execFileSync('/bin/sh', ['-c', script, 'sh', at('me/.ai-workspaces')]);
    await expect(open(at('src'), typing('once\n'))).rejects.toThrow(
      expect.objectContaining({
        code: 'E_WORKSPACES',
        message: expect.stringContaining('not a file'),
      }),
    );
  });

  test('cannot be added to: the user is told what helps', async () => {
    symlinkSync(at('none/list'), at('me/.ai-workspaces'));
    await expect(open(at('src'), typing('always\n'))).rejects.toThrow(
      expect.objectContaining({ code: 'E_WORKSPACES', hint: expect.stringContaining(at('src')) }),
    );
    await expect(open(at('src'), typing('once\n'))).resolves.toBeDefined();
    mkdirSync(at('none'));
    await expect(open(at('src'), typing('always\n'))).resolves.toBeDefined();
    expect(savedList()).toBe(`${at('src')}\n`);
  });
});

const isRefused = (name: string) =>
  expect.objectContaining({
    code: 'E_WORKSPACE',
    message: `${at('dotfiles')} cannot be shared: ~/${name} is a symbolic link that leads into it`,
  });
const link = (target: string, name: string): void => {
  rmSync(name, { force: true });
  symlinkSync(target, name);
};

describe('a folder that holds what ai-run goes by', () => {
  const names = ['.ai-env', '.ai-workspaces', '.ai-git-allowed'];

  beforeEach(() => {
    list(at('dotfiles'), at('src'));
    mkdirSync(at('dotfiles'));
  });

  test.each(names)('is not shared: %s', async (name) => {
    await expect(open(at('dotfiles'))).resolves.toBeDefined();
    const file = join(at('dotfiles'), name);
    writeFileSync(file, `${at('dotfiles')}\n${at('src')}\n`);
    link(file, at('me', name));
    await expect(open(at('dotfiles'), typing('once\n'))).rejects.toThrow(isRefused(name));
    const both = [request(at('src'), false), request(at('dotfiles'), true)];
    await expect(openWorkspaces(both, { userHome: at('me') })).rejects.toThrow(isRefused(name));
    await expect(open(at('src'))).resolves.toBeDefined();
  });

  test.each(names)('is not shared, where %s leads through it or to nothing', async (name) => {
    link(at('dotfiles/file'), at('me', name));
    await expect(open(at('dotfiles'), typing('once\n'))).rejects.toThrow(isRefused(name));
    symlinkSync(at('other/file'), at('dotfiles/file'));
    await expect(open(at('dotfiles'), typing('once\n'))).rejects.toThrow(isRefused(name));
    link(at('other/file'), at('me', name));
    await expect(open(at('dotfiles'), typing('once\n'))).resolves.toBeDefined();
  });
});

test.each([0o622, 0o602, 0o666])('a list of mode %i is not trusted', async (mode) => {
  list(at('src'));
  chmodSync(at('me/.ai-workspaces'), mode);
  await expect(open(at('src'))).rejects.toThrow(code('E_WORKSPACES'));
  chmodSync(at('me/.ai-workspaces'), 0o644);
  await expect(open(at('src'))).resolves.toBeDefined();
});

test('more folders are listed as well, mounted once, and read-only where that is said once', async () => {
  list(at('src'));
  const folders = [request(at('src'), false), request(at('src/app/../app'), true)];
  const { mounts } = await openWorkspaces([...folders, request(at('src/app'), false)], {
    userHome: at('me'),
  });
  expect(mounts.map(({ target }) => target)).toEqual([at('src'), at('src/app')]);
  expect(mounts[1]).toMatchObject({ readonly: true });
  await expect(
    openWorkspaces([...folders, request(at('other'), true)], { userHome: at('me') }),
  ).rejects.toThrow(`${at('other')} is not in`);
});

test.each(['a, b', 'a:b', "it's", '$(touch x)', '-v', '*', 'a\tb', 'ü漢'])(
  'a folder named %j is mounted under that name',
  async (name) => {
    mkdirSync(at(name));
    list(at(name));
    const { mounts } = await open(at(name));
    const policy = harden({ user: { uid: 1, gid: 1 }, mounts });
    const { args } = launch({ image: 'i', platform: 'linux/amd64', policy, command: ['c'] });
    const path = at(name);
    const both = name.includes(',')
      ? `"source=${path}","target=${path}"`
      : `source=${path},target=${path}`;
    expect(args).toContain(`type=bind,${both}`);
  },
);
