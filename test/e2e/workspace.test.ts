import { existsSync } from 'node:fs';
import {
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launch } from '../../kernel/launch.ts';
import { platformOfMachine } from '../../kernel/platform.ts';
import { containerUser, harden, type Mount, type Policy } from '../../kernel/policy.ts';
import { openHome } from '../../ai-run/home/home.ts';
import { openMasks } from '../../ai-run/project/masks.ts';
import { openWorkspaces } from '../../ai-run/project/workspace.ts';
import { docker, type Ran, run, upstream } from './support.ts';

const caller = { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };
const user = containerUser(caller);
const platform = platformOfMachine(process.arch) ?? 'linux/amd64';
let image = '';
let root = '';
const at = (...names: string[]): string => join(root, ...names);

/** Files of the container's user, as those of a project are. */
const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(at(name)), { recursive: true });
    await writeFile(at(name), text);
    for (let path = at(name); path !== root; path = dirname(path))
      await chown(path, user.uid, user.gid);
  }
};

/** Runs a script in a project as an agent would. */
const inside = (
  project: string,
  mounts: readonly Mount[],
  script: string,
  widen: (policy: Policy) => Policy = (policy) => policy,
): Promise<Ran> => {
  const policy = widen(harden({ user: caller, network: { mode: 'none' }, mounts }));
  const { file, args } = launch({
    image,
    platform,
    policy,
    command: ['sh', '-ec', script],
    workdir: project,
  });
  return run(file, args);
};

beforeAll(async () => {
  image = await upstream('docker.io/library/node:24-trixie-slim');
  const { code, stderr } = await docker('pull', '--quiet', image);
  if (code !== 0) throw new Error(stderr);
});

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'ai-run-e2e-')));
  await mkdir(at('me'));
  await writeFile(at('me/.ai-workspaces'), `${root}\n`, { mode: 0o600 });
  return () => rm(root, { recursive: true, force: true });
});

const open = async (name: string): Promise<readonly Mount[]> => {
  const request = { folder: at(name), readonly: false };
  return (await openWorkspaces([request], { userHome: at('me') })).mounts;
};

const rootWith =
  (capability: string) =>
  (policy: Policy): Policy => ({
    ...policy,
    user: { uid: 0, gid: 0 },
    capabilities: [capability],
  });

describe('a masked secret cannot be', () => {
  const files = {
    'app/.env': 'secret',
    'app/api/.env.local': 'secret',
    'app/store/env.txt': 'secret',
    'app/.ssh/id_rsa': 'secret',
    'app/main.ts': 'code',
  };

  test.each([
    ['read', 'grep -q secret .env'],
    ['read through a symlink', 'grep -q secret .env.link'],
    ['read where its symlink leads to', 'grep -q secret store/env.txt'],
    ['read when the folder it is in has another name', 'mv api b; grep -q secret b/.env.local'],
    ['copied', 'cp .env copy; grep -q secret copy'],
    ['written', 'echo x > .env'],
    ['removed', 'rm -f .env'],
    ['renamed', 'mv .env other'],
    ['replaced', 'echo x > new; mv -f new .env'],
    ['given other permissions', 'chmod 600 .env'],
    ['removed with the folder it is in', 'rm -rf api'],
    ['listed in its folder', 'ls .ssh | grep -q id_rsa'],
    ['read in its folder', 'grep -q secret .ssh/id_rsa'],
    ['written to its folder', 'touch .ssh/authorized_keys'],
    ['removed as a folder', 'rm -rf .ssh'],
    ['renamed as a folder', 'mv .ssh other'],
  ])('%s; it can, where it is not masked', async (_, script) => {
    await write(files);
    await symlink('store/env.txt', at('app/.env.link'));
    const project = await open('app');
    const { mounts = [], notes } = openMasks({ userHome: at('me'), workspaces: [at('app')] });
    expect(notes).toEqual([
      'masked: .env, .ssh/, api/.env.local, store/env.txt (--no-mask shows them)',
    ]);
    const masked = await inside(at('app'), [...project, ...mounts], `cat main.ts; ${script}`);
    expect(masked.stdout).toBe('code');
    expect(masked.code).not.toBe(0);
    expect(await readFile(at('app/.env'), 'utf8')).toBe('secret');
    expect(await readdir(at('app/.ssh'))).toEqual(['id_rsa']);
    expect(await readFile(at('me/.ai-home/.empty'), 'utf8')).toBe('');

    await rm(at('app'), { recursive: true });
    await write(files);
    await symlink('store/env.txt', at('app/.env.link'));
    const shown = await inside(at('app'), project, script);
    expect(shown.code, shown.stderr).toBe(0);
  });

  test.each(['.env', '.ssh'])('unmounted: %s; it can, by root with SYS_ADMIN', async (name) => {
    await write(files);
    const { mounts = [] } = openMasks({ userHome: at('me'), workspaces: [at('app')] });
    const all = [...(await open('app')), ...mounts];
    const script = `umount ${name}; grep -qr secret ${name}`;
    expect((await inside(at('app'), all, script)).code).not.toBe(0);
    const widened = await inside(at('app'), all, script, rootWith('SYS_ADMIN'));
    expect(widened.code, widened.stderr).toBe(0);
  });

  test.each([
    ['.env', 'echo x > .env'],
    ['.ssh', 'touch .ssh/x'],
  ])('written by root: %s; it can, where it is not masked', async (_, script) => {
    await write(files);
    const { mounts = [] } = openMasks({ userHome: at('me'), workspaces: [at('app')] });
    const project = await open('app');
    const masked = await inside(
      at('app'),
      [...project, ...mounts],
      script,
      rootWith('DAC_OVERRIDE'),
    );
    expect(masked.stderr).toContain('Read-only file system');
    const shown = await inside(at('app'), project, script, rootWith('DAC_OVERRIDE'));
    expect(shown.code, shown.stderr).toBe(0);
  });

  test('read in a folder with a name that is syntax to docker', async () => {
    const name = "a:b, c='d' $(x)";
    await write({ [`${name}/.env`]: 'secret', [`${name}/.ssh/id_rsa`]: 'secret' });
    const { mounts = [] } = openMasks({ userHome: at('me'), workspaces: [at(name)] });
    const project = await open(name);
    const script = 'ls -A | wc -l; ! grep -qr secret .';
    const masked = await inside(at(name), [...project, ...mounts], script);
    expect([masked.code, masked.stdout], masked.stderr).toEqual([0, '2\n']);
    expect((await inside(at(name), project, script)).code).toBe(1);
  });
});

describe('a home', () => {
  const paths = { state: ['.otter', '.otter.json'], caches: ['.cache/otter'] };
  const session = async (project: string, script: string, busy = false): Promise<Ran> => {
    const { mounts = [], finish } = await openHome({
      userHome: at('me'),
      project: at(project),
      agent: 'otter',
      ...paths,
      user,
      busy: () => Promise.resolve(busy),
    });
    const ran = await inside(at(project), [...(await open(project)), ...mounts], script);
    expect(await finish?.()).toEqual([]);
    return ran;
  };
  const log = 'cat ~/.otter/login ~/.otter.json; ls -A ~; cat ~/.cache/otter/data';

  beforeEach(() => write({ 'app/main.ts': '', 'other/main.ts': '' }));

  test("keeps the state, and loses what is planted beside it; another project's stays apart", async () => {
    const first = await session(
      'app',
      `mkdir ~/.otter; echo login > ~/.otter/login; echo state > ~/.otter.json
       echo cached > ~/.cache/otter/data; echo evil > ~/.bashrc; mkdir -p ~/.config/git; stat -c %u:%g:%a ~`,
    );
    expect([first.code, first.stdout], first.stderr).toEqual([0, `${user.uid}:${user.gid}:700\n`]);
    expect((await session('app', log)).stdout).toBe(
      'login\nstate\n.cache\n.otter\n.otter.json\ncached\n',
    );
    const other = await session('other', `ls -A ~; cat ~/.cache/otter/data; test -e ~/.otter`);
    expect([other.code, other.stdout]).toEqual([1, '.cache\ncached\n']);
  });

  test('keeps what is planted as long as another session uses it, and no longer', async () => {
    await session('app', 'echo evil > ~/.bashrc', true);
    expect((await session('app', 'cat ~/.bashrc', true)).stdout).toBe('evil\n');
    expect((await session('app', 'cat ~/.bashrc')).code).not.toBe(0);
  });

  test('takes files that are replaced by renaming, which a file that is mounted alone does not', async () => {
    const replace = 'echo new > ~/.otter.json.tmp; mv ~/.otter.json.tmp ~/.otter.json';
    const ran = await session('app', `echo old > ~/.otter.json; ${replace}`);
    expect(ran.code, ran.stderr).toBe(0);
    expect((await session('app', 'cat ~/.otter.json')).stdout).toBe('new\n');

    await write({ 'alone.json': 'old' });
    const alone: Mount = {
      type: 'bind',
      source: at('alone.json'),
      target: '/home/node/.otter.json',
      readonly: false,
    };
    const refused = await inside(at('app'), [...(await open('app')), alone], replace);
    expect(refused.stderr).toContain('busy');
    expect(refused.code).not.toBe(0);
  });

  test('is cleaned without touching what planted symlinks lead to', async () => {
    await write({ 'host/secret': 'secret' });
    const plant = `ln -s ${at('host')} ~/link; ln -s ${at('host/secret')} ~/file; mkdir ~/a; ln -s ${at('host')} ~/a/link
      mkdir ~/plain; echo x > ~/plain/secret; chmod 0 ~/plain; mkfifo ~/pipe; rm -rf ~/.otter; ln -s ${at('host')} ~/.otter`;
    const ran = await session('app', plant);
    expect(ran.code, ran.stderr).toBe(0);
    expect(await readFile(at('host/secret'), 'utf8')).toBe('secret');
    const [name = ''] = (await readdir(at('me/.ai-home/otter'))).filter((one) => one !== '.trash');
    const left = await readdir(at('me/.ai-home/otter', name));
    expect(left.toSorted()).toEqual(['.cache', '.otter']);
    expect(existsSync(at('me/.ai-home/otter', name, 'plain'))).toBe(false);
  });
});
