import { describe, expect, test } from 'vitest';
import {
  checkStatic,
  type Entry,
  type StaticSubject,
} from '../../../bakery/tester/static.rules.ts';
import { digest } from '../support.ts';

const directory = (path: string, changes: Partial<Entry> = {}): Entry => ({
  path,
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  ...changes,
});
const file = (path: string, changes: Partial<Entry> = {}): Entry => ({
  ...directory(path),
  type: 'file',
  mode: 0o644,
  size: 10,
  ...changes,
});

const contract = {
  schema: 1,
  agent: 'otter',
  version: '1.2.3',
  command: ['/opt/agent/bin/otter'],
};

const config: StaticSubject['config'] = {
  architecture: 'arm64',
  user: 'node',
  entrypoint: ['otter'],
  env: ['PATH=/opt/agent/bin:/usr/bin', 'LANG=C.UTF-8'],
  labels: { 'ai-run.contract': JSON.stringify(contract), 'ai-run.key': digest('a') },
};

const base = [
  directory(''),
  directory('opt'),
  directory('usr'),
  directory('usr/lib'),
  directory('tmp', { mode: 0o1777 }),
  directory('srv', { uid: 1000, gid: 1000 }),
  { ...directory('lib'), type: 'symlink' as const },
  file('etc/os-release'),
];

type Changes = {
  readonly add?: readonly Entry[];
  readonly config?: Partial<StaticSubject['config']>;
  readonly budget?: number;
  readonly platform?: StaticSubject['platform'];
};

/** An image in order, with these entries in its agent's layer and this in its configuration. */
const subject = ({
  add = [],
  config: other,
  budget = 1,
  platform = 'linux/arm64',
}: Changes): StaticSubject => ({
  platform,
  key: digest('a'),
  command: 'otter',
  config: { ...config, ...other },
  base: new Map(base.map((entry) => [entry.path, entry])),
  own: [
    {
      name: 'base',
      budget: 1,
      entries: [directory('usr'), directory('usr/local'), file('usr/local/hello')],
    },
    {
      name: 'otter',
      budget,
      entries: [
        directory('opt'),
        directory('opt/agent'),
        file('opt/agent/otter', { mode: 0o755, machine: 183 }),
        ...add,
      ],
    },
  ],
});

/** By rule: what is wrong with the image, as it is told. */
const broken: readonly [rule: string, what: string, changes: Changes, seen: string][] = [
  [
    'parents',
    'a folder with another mode',
    { add: [directory('usr/lib', { mode: 0o700 })] },
    '/usr/lib is 0700 0:0, was 0755 0:0',
  ],
  [
    'parents',
    'a folder that loses its sticky bit',
    { add: [directory('tmp', { mode: 0o755 })] },
    '/tmp is 0755 0:0, was 1777 0:0',
  ],
  [
    'parents',
    'a folder with another owner',
    { add: [directory('srv')] },
    '/srv is 0755 0:0, was 0755 1000:1000',
  ],
  [
    'parents',
    'a folder over a symlink',
    { add: [directory('lib')] },
    '/lib is a directory, was a symlink',
  ],
  [
    'parents',
    'a file below a symlink',
    { add: [file('lib/x.conf')] },
    '/lib/x.conf replaces the symlink /lib',
  ],
  [
    'parents',
    'a folder over a file',
    { add: [directory('etc/os-release')] },
    '/etc/os-release is a directory, was a file',
  ],
  [
    'parents',
    'a symlink over a folder',
    { add: [{ ...directory('usr/lib'), type: 'symlink' }] },
    '/usr/lib',
  ],
  [
    'architecture',
    'a program for another platform',
    { add: [file('opt/agent/x', { machine: 62 })] },
    '/opt/agent/x is for ELF machine 62',
  ],
  [
    'architecture',
    'a library for another platform',
    { add: [file('usr/lib/x.so.1', { machine: 62 })] },
    '/usr/lib/x.so.1 is for ELF machine 62',
  ],
  [
    'modes',
    'a setuid program',
    { add: [file('opt/agent/x', { mode: 0o4755 })] },
    '/opt/agent/x is setuid or setgid',
  ],
  [
    'modes',
    'a setgid folder',
    { add: [directory('opt/agent/x', { mode: 0o2755 })] },
    '/opt/agent/x is setuid or setgid',
  ],
  [
    'modes',
    'a file that everyone may write',
    { add: [file('opt/agent/x', { mode: 0o666 })] },
    '/opt/agent/x is writable for everyone',
  ],
  [
    'modes',
    'a file of somebody’s',
    { add: [file('opt/agent/x', { uid: 1000, gid: 1000 })] },
    '/opt/agent/x belongs to 1000:1000',
  ],
  [
    'modes',
    'a device',
    { add: [file('opt/agent/x', { type: 'other' })] },
    '/opt/agent/x is a device or a pipe',
  ],
  ['leftovers', 'a file in root’s home', { add: [file('root/.x')] }, '/root/.x'],
  ['leftovers', 'a file in /tmp', { add: [file('tmp/x')] }, '/tmp/x'],
  [
    'leftovers',
    'npm’s logs',
    { add: [file('opt/agent/_logs/2026-debug-0.log')] },
    '/opt/agent/_logs/2026-debug-0.log',
  ],
  ['leftovers', 'npm’s cache', { add: [file('opt/agent/_cacache/x')] }, '/opt/agent/_cacache/x'],
  ['leftovers', 'npm’s configuration', { add: [file('opt/agent/.npmrc')] }, '/opt/agent/.npmrc'],
  [
    'leftovers',
    'git’s credentials',
    { add: [file('opt/agent/.git-credentials')] },
    '/opt/agent/.git-credentials',
  ],
  [
    'leftovers',
    'a proxy',
    { config: { env: [...config.env, 'https_proxy=http://x'] } },
    'variable https_proxy',
  ],
  [
    'leftovers',
    'a token',
    { config: { env: [...config.env, 'NPM_TOKEN=x'] } },
    'variable NPM_TOKEN',
  ],
  [
    'size',
    'a layer above its budget',
    { add: [file('opt/agent/x', { size: 2.5e6 })], budget: 2 },
    'otter has 3 MB, budget 2 MB',
  ],
  ['config', 'another architecture', { config: { architecture: 'amd64' } }, 'architecture amd64'],
  ['config', 'root for its user', { config: { user: 'root' } }, 'user "root"'],
  ['config', 'no user', { config: { user: '' } }, 'user ""'],
  [
    'config',
    'another entrypoint',
    { config: { entrypoint: ['sh', '-c'] } },
    'entrypoint ["sh","-c"]',
  ],
  ['config', 'another PATH', { config: { env: ['PATH=/usr/bin'] } }, 'PATH=/usr/bin'],
  [
    'config',
    'no contract',
    { config: { labels: { 'ai-run.key': digest('a') } } },
    'label ai-run.contract ',
  ],
  [
    'config',
    'a contract that is none',
    { config: { labels: { ...config.labels, 'ai-run.contract': '{"schema":1}' } } },
    'label ai-run.contract {"schema":1}',
  ],
  [
    'config',
    'another input key',
    { config: { labels: { ...config.labels, 'ai-run.key': digest('b') } } },
    `label ai-run.key ${digest('b')}`,
  ],
];

const names = ['parents', 'architecture', 'modes', 'leftovers', 'size', 'config'];

const failures = (changes: Changes): (readonly [string, string | undefined])[] =>
  checkStatic(subject(changes), 5)
    .filter(({ status }) => status === 'failed')
    .map(({ name, seen }) => [name, seen] as const);

describe('a look at an image', () => {
  test('passes under every rule where all is in order', () => {
    expect(checkStatic(subject({}), 5)).toEqual(
      names.map((name, at) => ({
        name,
        status: 'passed',
        subject: 'files and configuration',
        milliseconds: at === 0 ? 5 : 0,
      })),
    );
  });

  test.each(broken)('fails under %s alone for %s', (rule, _, changes, seen) => {
    expect(failures(changes)).toEqual([[rule, expect.stringContaining(seen)]]);
  });

  test.each(names)('fails under %s in some row of this table', (name) => {
    expect(broken.map(([rule]) => rule)).toContain(name);
  });

  test.each<[string, Changes]>([
    ['a new folder', { add: [directory('usr/share')] }],
    ['a folder as the base has it', { add: [directory('usr/lib')] }],
    [
      'a symlink with all permissions',
      { add: [file('opt/agent/x', { type: 'symlink', mode: 0o777 })] },
    ],
    [
      'objects of a cross compiler',
      { add: [file('usr/local/go/pkg/linux_amd64/x.a', { machine: 62 })] },
    ],
    ['npm’s configuration inside a package', { add: [file('opt/agent/node_modules/x/.npmrc')] }],
    [
      'a layer as large as its budget',
      { add: [file('opt/agent/x', { size: 2e6 - 10 })], budget: 2 },
    ],
    [
      'a variable that only sounds like a secret',
      { config: { env: [...config.env, 'TOKENIZER=x'] } },
    ],
  ])('passes for %s', (_, changes) => {
    expect(failures(changes)).toEqual([]);
  });

  test('knows the machine of both platforms', () => {
    const amd64 = { platform: 'linux/amd64', config: { architecture: 'amd64' } } as const;
    expect(failures(amd64)).toEqual([['architecture', '/opt/agent/otter is for ELF machine 183']]);
  });

  test('tells ten of many faults, and how many there are', () => {
    const add = Array.from({ length: 13 }, (_, at) => file(`tmp/${at}`));
    const [[, seen] = []] = failures({ add });
    expect(seen?.split('\n').slice(9)).toEqual(['/tmp/9', '… and 3 more']);
  });
});
