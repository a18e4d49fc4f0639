/** What a container is joined to. The network is a value of its own: it may need making before and removing after. */
export type Network =
  | { readonly mode: 'none' }
  | { readonly mode: 'bridge' }
  | { readonly mode: 'named'; readonly name: string };

export type Mount =
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readonly: boolean;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      readonly bytes: number;
      readonly mode: string;
      /** Stays empty: what hides a folder rather than offering one. */
      readonly readonly?: boolean;
    };

type Limits = {
  /** Bytes; what a tmpfs holds counts too. */
  readonly memory: number;
  readonly cpus: number;
  /** Processes and threads. */
  readonly pids: number;
};

/** Everything a container is allowed to do. What is not listed here is denied. */
export type Policy = {
  /** Never root: see `harden`. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Always empty by default; each entry is an explicit widening. */
  readonly capabilities: readonly string[];
  readonly newPrivileges: boolean;
  readonly writableRoot: boolean;
  readonly network: Network;
  readonly mounts: readonly Mount[];
  readonly limits: Limits;
  /** What runs containers in place of the engine's default, `runsc` for example: another kernel in between. */
  readonly ociRuntime?: string;
  /** Where the private home is: a tmpfs of the container's own, or what is mounted there. */
  readonly home: string;
};

const mebibyte = 1024 * 1024;

/** Inside every image the home of its user `node`. */
export const home = '/home/node';

export type PolicyOptions = {
  readonly user: { readonly uid: number; readonly gid: number };
  readonly network?: Network;
  readonly mounts?: readonly Mount[];
  readonly limits?: Partial<Limits>;
  readonly writableRoot?: boolean;
  readonly ociRuntime?: string | undefined;
};

const privateHome: Mount = {
  type: 'tmpfs',
  target: home,
  bytes: 2048 * mebibyte,
  mode: '0700',
};

/**
 * Who a caller is in a container: never root, because root inside is root to every kernel bug there is. A caller of root's
 * group stays the owner of their files, in the group that is theirs alone on most machines.
 */
export function containerUser({ uid, gid }: Policy['user']): Policy['user'] {
  return uid === 0 ? { uid: 1000, gid: 1000 } : { uid, gid: gid === 0 ? uid : gid };
}

/**
 * The policy for a caller: everything denied that can be denied. The home is a tmpfs, unless one of the mounts is
 * a home that outlives the container.
 */
export function harden({
  user,
  network,
  mounts = [],
  limits,
  writableRoot = false,
  ociRuntime,
}: PolicyOptions): Policy {
  return {
    user: containerUser(user),
    capabilities: [],
    newPrivileges: false,
    writableRoot,
    network: network ?? { mode: 'bridge' },
    mounts: [
      { type: 'tmpfs', target: '/tmp', bytes: 1024 * mebibyte, mode: '1777' },
      ...(mounts.some(({ target }) => target === home) ? [] : [privateHome]),
      ...mounts,
    ],
    limits: { memory: 4096 * mebibyte, cpus: 2, pids: 1024, ...limits },
    ...(ociRuntime === undefined ? {} : { ociRuntime }),
    home,
  };
}
