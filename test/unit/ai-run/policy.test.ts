import { describe, expect, test } from 'vitest';
import { harden, home } from '../../../kernel/policy.ts';

const caller = { uid: 1001, gid: 1002 };
const typesWithStateAt = (target: string) =>
  harden({
    user: caller,
    mounts: [{ type: 'bind', source: '/state', target, readonly: false }],
  }).mounts.map(({ type }) => type);

describe('a hardened policy', () => {
  test('denies everything that is not asked for', () => {
    expect(harden({ user: caller })).toEqual({
      user: caller,
      capabilities: [],
      newPrivileges: false,
      writableRoot: false,
      network: { mode: 'bridge' },
      mounts: [
        { type: 'tmpfs', target: '/tmp', bytes: 2 ** 30, mode: '1777' },
        { type: 'tmpfs', target: '/home/node', bytes: 2 ** 31, mode: '0700' },
      ],
      limits: { memory: 2 ** 32, cpus: 2, pids: 1024 },
      home: '/home/node',
    });
  });

  test.each([
    { uid: 0, gid: 0 },
    { uid: 0, gid: 1002 },
  ])('runs $uid:$gid as 1000:1000, because it is root', (user) => {
    expect(harden({ user }).user).toEqual({ uid: 1000, gid: 1000 });
  });

  test('keeps the uid of a caller in root’s group, in a group of its own', () => {
    expect(harden({ user: { uid: 1001, gid: 0 } }).user).toEqual({ uid: 1001, gid: 1001 });
  });

  test('narrows one limit and keeps the others', () => {
    expect(harden({ user: caller, limits: { pids: 64 } }).limits).toEqual({
      memory: 2 ** 32,
      cpus: 2,
      pids: 64,
    });
  });

  test('mounts a workspace after its own private home', () => {
    const workspace = { type: 'bind', source: '/src', target: '/src', readonly: false } as const;
    const targets = harden({ user: caller, mounts: [workspace] }).mounts.map(
      ({ target }) => target,
    );
    expect(targets).toEqual(['/tmp', home, '/src']);
  });

  test('lets the root be written and another runtime be used where that is asked for', () => {
    expect(harden({ user: caller, writableRoot: true, ociRuntime: 'runsc' })).toEqual({
      ...harden({ user: caller }),
      writableRoot: true,
      ociRuntime: 'runsc',
    });
  });

  test('leaves its home out where one is mounted in its place, and only there', () => {
    expect(typesWithStateAt(home)).toEqual(['tmpfs', 'bind']);
    expect(typesWithStateAt(`${home}/.cache`)).toEqual(['tmpfs', 'tmpfs', 'bind']);
  });

  test('takes the network that is asked for', () => {
    expect(harden({ user: caller, network: { mode: 'none' } }).network).toEqual({ mode: 'none' });
  });
});
