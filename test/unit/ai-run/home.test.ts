import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  belowHome,
  cachesOf,
  fateOf,
  projectName,
  outermost,
} from '../../../ai-run/home/lifetime.rules.ts';
import { containerUser } from '../../../kernel/policy.ts';
import { holdFolder } from '../../../ai-run/host/folder.ts';
import { openHome } from '../../../ai-run/home/home.ts';

test.each([
  ['/src/app', '+src+app'],
  ['/src/my app, "new"', '+src+my%20app%2C%20%22new%22'],
  ['/src/a+b', '+src+a%2Bb'],
  ['/src/\u001B]52;c;x\u0007', '+src+%1B%5D52%3Bc%3Bx%07'],
  ['/src/漢', '+src+%E6%BC%A2'],
  [`/src/${'a'.repeat(300)}`, `+src+${'a'.repeat(130)}@${'0123456789abcdef'.repeat(4)}`],
])('the home of %j is %s', (project, name) => {
  expect(projectName(project, () => '0123456789abcdef'.repeat(4))).toBe(name);
});

test('paths in other ones add nothing', () => {
  expect(outermost(['a/b', 'a', 'ab', 'c/d', 'c/d'])).toEqual(['a', 'ab', 'c/d']);
});

test.each<[string, string[], string[], string[]]>([
  ['beside the state', ['.tool'], ['.cache/tool'], ['.cache/tool']],
  ['in the state', ['.tool'], ['.tool/cache'], ['.tool/cache']],
  ['that are the state', ['.tool'], ['.tool'], []],
  ['that hold the state', ['.cache/tool/login'], ['.cache/tool', '.b'], ['.b']],
  ['in each other', [], ['.cache/tool', '.cache'], ['.cache']],
])('caches %s', (_, state, cache, expected) => {
  expect(cachesOf({ state, caches: cache })).toEqual(expected);
});

test('folders below the home of the container are found', () => {
  expect(belowHome(['/home/node', '/home/node/src/a', '/home/nodes', '/src'])).toEqual(['src/a']);
});

test.each([
  ['.claude', 'keep'],
  ['.claude/projects/x', 'keep'],
  ['.config/amp', 'keep'],
  ['.config', 'enter'],
  ['.config/git', 'remove'],
  ['.claudes', 'remove'],
  ['.bashrc', 'remove'],
])('%s is %s', (path, fate) => {
  expect(fateOf(path, ['.claude', '.config/amp'])).toBe(fate);
});

let root = '';
const at = (...names: string[]): string => join(root, ...names);
const write = (path: string, text = ''): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const user = containerUser({
  uid: process.getuid?.() ?? 1000,
  gid: process.getgid?.() ?? 1000,
});
const open = (changes: Partial<Parameters<typeof openHome>[0]> = {}) =>
  openHome({
    userHome: at('me'),
    project: '/src/app',
    agent: 'otter',
    state: ['.otter', '.otter.json', '.config/otter'],
    caches: ['.cache/otter'],
    user,
    busy: () => Promise.resolve(false),
    ...changes,
  });

const global = (...names: string[]): string => at('me/.ai-home/otter/global', ...names);

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-home-')));
  mkdirSync(at('me'));
});
afterEach(() => execFileSync('rm', ['-rf', root]));

describe('a home', () => {
  test("is a private folder of the agent's own, with its caches in their places", async () => {
    const { home, mounts } = await open();
    expect(dirname(home)).toBe(at('me/.ai-home/otter'));
    expect(basename(home)).toMatch(/\+app$/);
    expect(mounts).toEqual([
      { type: 'bind', source: home, target: '/home/node', readonly: false },
      {
        type: 'bind',
        source: at('me/.ai-cache/otter/.cache/otter'),
        target: '/home/node/.cache/otter',
        readonly: false,
      },
    ]);
    for (const source of [home, at('me/.ai-cache/otter/.cache/otter')]) {
      expect(statSync(source)).toMatchObject({ uid: user.uid, gid: user.gid });
      expect(statSync(source).mode & 0o777).toBe(0o700);
    }
    expect(lstatSync(join(home, '.cache/otter'))).toMatchObject({ uid: user.uid });
    expect(statSync(at('me/.ai-home')).mode & 0o777).toBe(0o700);
  });

  test('is the same again, and another for each project and agent', async () => {
    const homes = [
      (await open()).home,
      (await open()).home,
      (await open({ project: '/other/app' })).home,
      (await open({ agent: 'beaver' })).home,
    ];
    expect(homes[1]).toBe(homes[0]);
    expect(new Set(homes).size).toBe(3);
  });

  test('keeps what the contract names and nothing else', async () => {
    const { home, finish } = await open();
    for (const name of [
      '.otter/login',
      '.otter.json',
      '.config/otter/a/b',
      '.config/git/config',
      '.bashrc',
      '.cache/other/x',
      '.otter.json.bak',
    ])
      write(join(home, name), name);
    expect(await finish?.()).toEqual([]);
    expect(readdirSync(home).toSorted()).toEqual(['.cache', '.config', '.otter', '.otter.json']);
    expect(readdirSync(join(home, '.config'))).toEqual(['otter']);
    expect(readdirSync(join(home, '.cache'))).toEqual(['otter']);
    expect(readFileSync(join(home, '.config/otter/a/b'), 'utf8')).toBe('.config/otter/a/b');
  });

  test('is clean when the next session starts, where the last one was killed', async () => {
    const { home } = await open();
    write(join(home, '.bashrc'));
    await open();
    expect(readdirSync(home).toSorted()).toEqual(['.cache']);
  });

  test('is left alone while another session uses it', async () => {
    const { home, finish } = await open({ busy: () => Promise.resolve(true) });
    write(join(home, '.bashrc'));
    await finish?.();
    await open({ busy: () => Promise.resolve(true) });
    expect(existsSync(join(home, '.bashrc'))).toBe(true);
    await (await open()).finish?.();
    expect(existsSync(join(home, '.bashrc'))).toBe(false);
  });

  test('asks for other sessions only where there is something to remove', async () => {
    const { home, finish } = await open({ busy: () => Promise.reject(new Error('asked')) });
    await finish?.();
    write(join(home, '.bashrc'));
    await expect(finish?.()).rejects.toThrow('asked');
  });

  test('makes the mount points of folders that lie below it', async () => {
    const { home } = await open({ workspaces: ['/src/app', '/home/node/src/app'] });
    expect(lstatSync(join(home, 'src/app'))).toMatchObject({ uid: user.uid });
  });
});

describe('what an agent plants', () => {
  test('goes, and what it points at stays', async () => {
    const { home, finish } = await open();
    write(at('host/secret'), 'secret');
    symlinkSync(at('host'), join(home, 'folder'));
    symlinkSync(at('host/secret'), join(home, 'file'));
    symlinkSync(at('host'), join(home, '.config'));
    mkdirSync(at('host/otter'));
    mkdirSync(join(home, 'a'));
    symlinkSync(at('host'), join(home, 'a/inner'));
    symlinkSync('loop', join(home, 'loop'));
    rmSync(join(home, '.cache'), { recursive: true });
    symlinkSync(at('host'), join(home, '.cache'));
    await finish?.();
    expect(readdirSync(home)).toEqual([]);
    expect(readdirSync(at('host')).toSorted()).toEqual(['otter', 'secret']);
    expect(statSync(at('host')).mode & 0o777).not.toBe(0o700);
    expect(readFileSync(at('host/secret'), 'utf8')).toBe('secret');
  });

  test('goes, whatever it is', async () => {
    const { home, finish } = await open();
    execFileSync('/bin/sh', ['-c', 'mkfifo "$1"', 'sh', join(home, 'pipe')]);
    const server = createServer().listen(join(home, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    for (const folder of ['locked/inner', '.config/locked/inner']) {
      write(join(home, folder, 'file'));
      chmodSync(join(home, folder, 'file'), 0);
      chmodSync(join(home, folder), 0);
      chmodSync(join(home, dirname(folder)), 0);
    }
    writeFileSync(Buffer.concat([Buffer.from(`${home}/`), Buffer.from([0x66, 0xff])]), '');
    mkdirSync(Buffer.concat([Buffer.from(`${home}/`), Buffer.from([0x67, 0xff])]));
    writeFileSync(
      Buffer.concat([Buffer.from(`${home}/g`), Buffer.from([0xff]), Buffer.from('/x')]),
      '',
    );
    chmodSync(join(home, '.config'), 0);
    chmodSync(home, 0);
    expect(await finish?.()).toEqual([]);
    expect(readdirSync(home).toSorted()).toEqual(['.cache', '.config']);
    expect(readdirSync(join(home, '.config'))).toEqual([]);
    expect(readdirSync(at('me/.ai-home/otter/.trash'))).toEqual([]);
    server.close();
  });

  test('goes, though its path is too long for the system', async () => {
    const { home, finish } = await open();
    const name = 'd'.repeat(200);
    execFileSync('/bin/bash', [
      '-c',
      `set -e; cd "$1"; for i in $(seq 60); do mkdir ${name}; cd -P ./${name}; done; touch end`,
      'bash',
      home,
    ]);
    expect(await finish?.()).toEqual([]);
    expect(readdirSync(home)).toEqual(['.cache']);
  });

  test('in place of a mount point is replaced, in the state as well', async () => {
    const caches = ['.otter/cache/web', '.cache/otter'];
    const { home } = await open({ caches });
    mkdirSync(at('host'));
    rmSync(join(home, '.otter/cache'), { recursive: true });
    symlinkSync(at('host'), join(home, '.otter/cache'));
    rmSync(join(home, '.cache'), { recursive: true });
    write(join(home, '.cache'));
    await open({ caches });
    expect(lstatSync(join(home, '.otter/cache/web')).isDirectory()).toBe(true);
    expect(lstatSync(join(home, '.otter/cache')).isDirectory()).toBe(true);
    expect(lstatSync(join(home, '.cache/otter')).isDirectory()).toBe(true);
    expect(readdirSync(at('host'))).toEqual([]);
  });
});

test.runIf(process.platform === 'linux')(
  'a folder that is held is the same one when its name leads elsewhere',
  () => {
    mkdirSync(at('home/x'), { recursive: true });
    write(at('host/secret'));
    const held = holdFolder(at('home/x'));
    renameSync(at('home/x'), at('home/y'));
    symlinkSync(at('host'), at('home/x'));
    writeFileSync(`${held.path}/by-handle`, '');
    writeFileSync(at('home/x/by-name'), '');
    held.close();
    expect(readdirSync(at('home/y'))).toEqual(['by-handle']);
    expect(readdirSync(at('host'))).toEqual(['by-name', 'secret']);
    expect(() => holdFolder(at('home/x'))).toThrow('ENOTDIR');
  },
);

describe('what is in the way', () => {
  test.each(['.ai-home', '.ai-home/otter', '.ai-cache/otter/.cache'])(
    'is not used: a symlink at %s',
    async (name) => {
      mkdirSync(at('host'));
      mkdirSync(dirname(at('me', name)), { recursive: true });
      symlinkSync(at('host'), at('me', name));
      await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'E_FOLDER' }));
      expect(readdirSync(at('host'))).toEqual([]);
    },
  );

  test('is not used: a symlink at the home', async () => {
    const { home } = await open();
    renameSync(home, at('host'));
    symlinkSync(at('host'), home);
    await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'E_FOLDER' }));
  });

  test('is not used: a cache that leads elsewhere', async () => {
    // A version whose contract named all of .cache could leave this to one that names a part.
    await open({ caches: ['.cache'] });
    mkdirSync(at('host'));
    symlinkSync(at('host'), at('me/.ai-cache/otter/.cache/otter'));
    await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'E_FOLDER' }));
  });

  test.runIf(process.getuid?.() === 0)('is not used: a home of somebody else', async () => {
    const { home } = await open();
    execFileSync('chown', ['4242', home]);
    await expect(open()).rejects.toThrow('belongs to uid 4242');
  });
});

describe('the global state', () => {
  test('is what a new home starts with, and only a new one', async () => {
    const first = await open();
    write(global('.otter.json'), 'global');
    write(global('.config/otter/deep/settings'), 'global');
    write(global('.bashrc'), 'not state');
    await open();
    expect(existsSync(join(first.home, '.otter.json'))).toBe(false);
    const { home } = await open({ project: '/src/new' });
    expect(readFileSync(join(home, '.otter.json'), 'utf8')).toBe('global');
    expect(readFileSync(join(home, '.config/otter/deep/settings'), 'utf8')).toBe('global');
    expect(existsSync(join(home, '.bashrc'))).toBe(false);
    for (const name of ['.otter.json', '.config', '.config/otter/deep/settings'])
      expect(lstatSync(join(home, name))).toMatchObject({ uid: user.uid, gid: user.gid });
    writeFileSync(join(home, '.otter.json'), 'project');
    await open({ project: '/src/new' });
    expect(readFileSync(join(home, '.otter.json'), 'utf8')).toBe('project');
    expect(readFileSync(global('.otter.json'), 'utf8')).toBe('global');
  });

  test('leaves out symlinks, and what lies behind them', async () => {
    write(at('host/otter/x'));
    write(global('.otter/kept'));
    symlinkSync(at('host/otter/x'), global('.otter/link'));
    symlinkSync(at('host/otter/x'), global('.otter.json'));
    symlinkSync(at('host'), global('.config'));
    const { home } = await open();
    expect(readdirSync(join(home, '.otter'))).toEqual(['kept']);
    expect(readdirSync(home).toSorted()).toEqual(['.cache', '.otter']);
  });

  test('is copied whole though a start was killed while it was', async () => {
    write(global('.otter.json'), 'global');
    const { home } = await open();
    write(`${home}@new-abc/.otter.json`, 'half');
    await open();
    expect(existsSync(`${home}@new-abc`)).toBe(false);
    expect(readFileSync(join(home, '.otter.json'), 'utf8')).toBe('global');
  });
});
