import { describe, expect, test } from 'vitest';
import { readOptions, type RunOptions } from '../../../ai-run/settings/options.rules.ts';
import type { RunFlags } from '../../../ai-run/cli/commands.rules.ts';

const read = (flags: RunFlags): RunOptions => readOptions(flags, 'claude', []);

test('nothing said is the hardened default', () => {
  expect(readOptions({}, 'claude', ['--version', '--', '-x'])).toEqual({
    agent: 'claude',
    args: ['--version', '--', '-x'],
    runtime: 'base',
    image: { 'image-source': undefined, platform: undefined, pull: undefined },
    build: false,
    shell: false,
    print: false,
    git: 'shadow',
    mask: true,
    withConfig: false,
    gitCredentials: false,
    sshKeys: [],
    env: [],
    mounts: [],
    network: { mode: 'bridge' },
    limits: {},
    writableRoot: false,
    ociRuntime: undefined,
    flags: {},
  } satisfies RunOptions);
});

describe('limits', () => {
  test.each([
    ['512m', 512 * 2 ** 20],
    ['8g', 8 * 2 ** 30],
    ['8G', 8 * 2 ** 30],
    ['1.5gb', 1.5 * 2 ** 30],
    ['7000000', 7_000_000],
  ])('--memory %s', (memory, bytes) => {
    expect(read({ memory }).limits).toEqual({ memory: bytes });
  });

  test.each(['', '1', '5m', '-8g', '8t', '8 g', '0x800000', 'lots', 'NaN', 'Infinity'])(
    '--memory %j is refused',
    (memory) => {
      expect(() => read({ memory })).toThrow(`got ${JSON.stringify(memory)}`);
    },
  );

  test('--cpus may be a part of one, --pids may not', () => {
    expect(read({ cpus: '0.5', pids: '64' }).limits).toEqual({ cpus: 0.5, pids: 64 });
    expect(() => read({ pids: '0.5' })).toThrow('--pids: expected a whole number above 0');
  });

  test.each(['0', '-1', 'all', '1e3', ''])('--cpus %j is refused', (cpus) => {
    expect(() => read({ cpus })).toThrow('--cpus: expected a number above 0');
  });
});

describe('the network', () => {
  test('is bridge, none, or one that is joined', () => {
    expect(read({ network: 'none' }).network).toEqual({ mode: 'none' });
    expect(read({ join: 'shop_default' }).network).toEqual({ mode: 'named', name: 'shop_default' });
  });

  test.each([{ network: 'host' }, { network: 'container:x' }, { network: 'none', join: 'x' }])(
    '%j is refused',
    (flags) => {
      expect(() => read(flags)).toThrow('--network');
    },
  );
});

test('--gvisor is its runtime’s name', () => {
  expect(read({ gvisor: true }).ociRuntime).toBe('runsc');
  expect(read({ 'oci-runtime': 'kata-fc' }).ociRuntime).toBe('kata-fc');
  expect(() => read({ 'oci-runtime': 'a b' })).toThrow('--oci-runtime');
});

test.each([
  ['../claude', 'not the name of an agent: "../claude"'],
  ['claude:go', 'not the name of an agent'],
  ['', 'not the name of an agent'],
])('the agent %j is refused', (agent, message) => {
  expect(() => readOptions({}, agent, [])).toThrow(message);
});

test.each([{ runtime: 'go:latest' }, { runtime: '' }, { git: 'public' }, { lang: '@' }])(
  '%j is refused',
  (flags) => {
    expect(() => read(flags)).toThrow('--');
  },
);

describe('--build', () => {
  test('makes a local image, whatever the environment says', () => {
    expect(read({ build: true, platform: 'linux/arm64' })).toMatchObject({
      build: true,
      image: { 'image-source': 'local', platform: 'linux/arm64', pull: undefined },
    });
  });

  test.each([{ 'image-source': 'registry' }, { pull: 'always' }])('and %j is refused', (flags) => {
    expect(() => read({ build: true, ...flags })).toThrow('--build makes a local image');
  });
});

describe('--ssh-key', () => {
  test('names files of ~/.ssh', () => {
    expect(read({ 'ssh-key': ['id_ed25519', 'work@host'] }).sshKeys).toEqual([
      'id_ed25519',
      'work@host',
    ]);
  });

  test.each(['', '..', '../id', '/etc/key', '~/.ssh/id', '-i', 'a b', 'a,b', 'a\nb'])(
    '%j is refused',
    (name) => {
      expect(() => read({ 'ssh-key': ['ok', name] })).toThrow(
        `--ssh-key: expected the name of a file in ~/.ssh, got ${JSON.stringify(name)}`,
      );
    },
  );
});
