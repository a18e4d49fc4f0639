import { describe, expect, test } from 'vitest';
import { create, launch, type Launch } from '../../../kernel/launch.ts';
import { harden, type Policy } from '../../../kernel/policy.ts';

const policy = harden({ user: { uid: 1001, gid: 1002 }, network: { mode: 'none' } });

const args = (changes: Partial<Launch> = {}): readonly string[] =>
  launch({
    image: 'ai-otter:go',
    platform: 'linux/arm64',
    policy,
    command: ['/opt/agent/bin/otter'],
    ...changes,
  }).args;

const hardening = [
  '--rm',
  '--init',
  '--pull=never',
  '--platform=linux/arm64',
  '--user=1001:1002',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--security-opt=seccomp=builtin',
  '--read-only',
  '--ipc=private',
  '--network=none',
  '--memory=4294967296',
  '--memory-swap=4294967296',
  '--cpus=2',
  '--pids-limit=1024',
  '--ulimit=core=0',
  '--log-driver=none',
];
const privateFolders = [
  '--tmpfs',
  '/tmp:rw,exec,nosuid,nodev,size=1073741824,mode=1777,uid=1001,gid=1002',
  '--tmpfs',
  '/home/node:rw,exec,nosuid,nodev,size=2147483648,mode=0700,uid=1001,gid=1002',
  '--env=HOME=/home/node',
];
const start = '--entrypoint=/opt/agent/bin/otter';

/** A whole argument vector, with these flags between the policy and the command. */
const row = (...flags: string[]): string[] => [
  'run',
  ...hardening,
  ...privateFolders,
  ...flags,
  start,
  'ai-otter:go',
];

describe('the command that starts a container', () => {
  test('is docker', () => {
    const command = launch({ image: 'i', platform: 'linux/amd64', policy, command: ['c'] });
    expect(command.file).toBe('docker');
  });

  test.each<[string, Partial<Launch>, string[]]>([
    ['nothing but its image', {}, row()],
    [
      'arguments',
      { command: ['/opt/agent/bin/otter', '--print', 'a b'] },
      [...row(), '--print', 'a b'],
    ],
    ['a terminal', { terminal: 'tty' }, row('-it', '--detach-keys=ctrl-^,ctrl-^,ctrl-^,ctrl-^')],
    ['standard input', { terminal: 'stdin' }, row('-i')],
    ['no terminal', { terminal: 'none' }, row()],
    ['a name', { name: 'otter-1' }, row('--name=otter-1')],
    ['a working directory', { workdir: '/src/a b' }, row('--workdir=/src/a b')],
    ['labels', { labels: { a: 'b', c: 'd=e' } }, row('--label=a=b', '--label=c=d=e')],
    ['variables', { env: { TERM: 'xterm', EMPTY: '' } }, row('--env=TERM=xterm', '--env=EMPTY=')],
    ['secrets', { secrets: { API_KEY: 'sk-1' } }, row('--env=API_KEY')],
    [
      'all of them',
      {
        env: { A: '1' },
        secrets: { B: '2' },
        labels: { c: '3' },
        name: 'n',
        workdir: '/w',
        terminal: 'tty',
      },
      row(
        '--env=A=1',
        '--env=B',
        '--label=c=3',
        '--name=n',
        '--workdir=/w',
        '-it',
        '--detach-keys=ctrl-^,ctrl-^,ctrl-^,ctrl-^',
      ),
    ],
  ])('with %s is exactly this', (_, input, expected) => {
    expect(args(input)).toEqual(expected);
  });

  test('that only makes the container has the same flags, and no removal at its end', () => {
    const options = {
      image: 'ai-otter:go',
      platform: 'linux/arm64',
      policy,
      command: ['/opt/agent/bin/otter', '--version'],
      labels: { a: 'b' },
    } as const;
    const [run, rm, ...flags] = launch(options).args;
    expect([run, rm]).toEqual(['run', '--rm']);
    expect(create(options).args).toEqual(['create', ...flags]);
  });

  test('holds secrets in its environment and never in its arguments', () => {
    const secrets = { API_KEY: 'sk-very-secret', TOKEN: 'also-secret' };
    const command = launch({
      image: 'i',
      platform: 'linux/amd64',
      policy,
      command: ['c'],
      secrets,
    });
    expect(command.env).toEqual(secrets);
    expect(command.args.join('\n')).not.toMatch(/secret/);
  });

  test('runs in another runtime where the policy names one', () => {
    const sandboxed = harden({ user: policy.user, ociRuntime: 'runsc' });
    expect(args({ policy: sandboxed })).toContain('--runtime=runsc');
    expect(args().join('\n')).not.toContain('--runtime');
  });

  test('takes an image that is named like an option after all options', () => {
    expect(args({ image: 'i', command: ['c', '--privileged'] }).slice(-2)).toEqual([
      'i',
      '--privileged',
    ]);
  });
});

const mounted = (source: string, target = '/w', readonly = false): readonly string[] =>
  args({ policy: { ...policy, mounts: [{ type: 'bind', source, target, readonly }] } });

describe('a mount', () => {
  test.each<[string, string, string, boolean, string]>([
    ['plain', '/src', '/src', false, 'type=bind,source=/src,target=/src'],
    ['read-only', '/src', '/src', true, 'type=bind,source=/src,target=/src,readonly'],
    ['with spaces', '/my src', '/w', false, 'type=bind,source=/my src,target=/w'],
    ['with a comma', '/a,b', '/w', false, 'type=bind,"source=/a,b",target=/w'],
    [
      'with commas on both sides',
      '/a,b',
      '/c,d',
      true,
      'type=bind,"source=/a,b","target=/c,d",readonly',
    ],
    [
      'that tries to add an option',
      '/a,bind-propagation=shared',
      '/w',
      false,
      'type=bind,"source=/a,bind-propagation=shared",target=/w',
    ],
    ['with a colon and an equals sign', '/a:b=c', '/w', false, 'type=bind,source=/a:b=c,target=/w'],
  ])('%s is one field per path', (_, source, target, readonly, expected) => {
    const flags = mounted(source, target, readonly);
    expect(flags[flags.indexOf('--mount') + 1]).toBe(expected);
  });

  test.each([
    ['a quote', '/a"b'],
    ['a line feed', '/a\nb'],
    ['a carriage return', '/a\rb'],
    ['a NUL', '/a\0b'],
  ])('of a path with %s is refused, as source and as target', (_, path) => {
    const refused = expect.objectContaining({ code: 'E_MOUNT_PATH', hint: 'rename the folder' });
    expect(() => mounted(path)).toThrow(refused);
    expect(() => mounted('/src', path)).toThrow(refused);
  });
});

const emptyFolder = (target: string, readonly?: boolean): readonly string[] => {
  const mount = { type: 'tmpfs', target, bytes: 4096, mode: '0555' } as const;
  const mounts = [readonly === undefined ? mount : { ...mount, readonly }];
  const flags = args({ policy: { ...policy, mounts } });
  const first = flags.findIndex((flag) => flag === '--mount' || flag === '--tmpfs');
  return flags.slice(first, first + 2);
};

const hiding = (target: string) => [
  '--mount',
  `type=tmpfs,${target},tmpfs-size=4096,tmpfs-mode=0555,readonly`,
];

describe('an empty folder', () => {
  const offered = ['--tmpfs', '/w:rw,exec,nosuid,nodev,size=4096,mode=0555,uid=1001,gid=1002'];

  test.each<[string, string, boolean | undefined, string[]]>([
    ['is writable', '/w', undefined, offered],
    ['is writable where that is said', '/w', false, offered],
    ['is read-only', '/w', true, hiding('target=/w')],
    ['is read-only at a path with a colon', '/a:b/.ssh', true, hiding('target=/a:b/.ssh')],
    ['is read-only at a path with a comma', '/a,b', true, hiding('"target=/a,b"')],
  ])('%s', (_, target, readonly, expected) => {
    expect(emptyFolder(target, readonly)).toEqual(expected);
  });

  test('is refused where docker would read its path as options', () => {
    const refused = expect.objectContaining({ code: 'E_MOUNT_PATH' });
    expect(() => emptyFolder('/a:b')).toThrow(refused);
    expect(() => emptyFolder('/a"b', true)).toThrow(refused);
  });
});

const without = (flag: string): string[] => row().filter((one) => one !== flag);
const added = (after: string, flag: string): string[] =>
  row().flatMap((one) => (one === after ? [one, flag] : [one]));
const changed = (before: string, after: string): string[] =>
  row().map((one) => (one === before ? after : one));

describe('one widened field of the policy', () => {
  test.each<[string, Partial<Policy>, string[]]>([
    ['new privileges', { newPrivileges: true }, without('--security-opt=no-new-privileges')],
    ['a writable root', { writableRoot: true }, without('--read-only')],
    ['a capability', { capabilities: ['NET_RAW'] }, added('--cap-drop=ALL', '--cap-add=NET_RAW')],
    ['the bridge', { network: { mode: 'bridge' } }, changed('--network=none', '--network=bridge')],
    [
      'a network',
      { network: { mode: 'named', name: 'db' } },
      changed('--network=none', '--network=db'),
    ],
    [
      'more memory',
      { limits: { ...policy.limits, memory: 1 } },
      row().map((one) => one.replace(/^(--memory(?:-swap)?)=.*/, '$1=1')),
    ],
    ['more CPUs', { limits: { ...policy.limits, cpus: 8 } }, changed('--cpus=2', '--cpus=8')],
    [
      'more processes',
      { limits: { ...policy.limits, pids: 9 } },
      changed('--pids-limit=1024', '--pids-limit=9'),
    ],
    ['another home', { home: '/h' }, changed('--env=HOME=/home/node', '--env=HOME=/h')],
  ])('changes nothing else: %s', (_, change, expected) => {
    expect(args({ policy: { ...policy, ...change } })).toEqual(expected);
  });
});
