/** The policy of a container: everything it is allowed to do. */

/** A container's network. It is a value of its own because a network may have to be made before and removed after. */
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
      /** Keeps the folder empty, so that it hides another one. */
      readonly readonly?: boolean;
    };

type Limits = {
  /** Bytes; the content of each tmpfs counts as well. */
  readonly memory: number;
  readonly cpus: number;
  /** Processes and threads. */
  readonly pids: number;
};

/** Everything a container is allowed to do. Anything not listed here is denied. */
export type Policy = {
  /** Never root: see `harden`. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Default: empty. Each entry is an explicit widening. */
  readonly capabilities: readonly string[];
  readonly newPrivileges: boolean;
  readonly writableRoot: boolean;
  readonly network: Network;
  readonly mounts: readonly Mount[];
  readonly limits: Limits;
  /** The OCI runtime (default: the engine's own), e.g. `runsc`, which puts another kernel in between. */
  readonly ociRuntime?: string;
  /** The private home's path: a tmpfs of the container's own, unless another mount has that target. */
  readonly home: string;
};

const mebibyte = 1024 * 1024;

/** The home of user `node` in every image. */
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
 * Returns the caller's user in a container: never root, because every kernel bug treats root inside as root. If the primary
 * group is root's, gid = uid, which is the caller's own group on most machines, so files stay the caller's.
 */
export function containerUser({ uid, gid }: Policy['user']): Policy['user'] {
  return uid === 0 ? { uid: 1000, gid: 1000 } : { uid, gid: gid === 0 ? uid : gid };
}

/**
 * Returns the strictest policy for a caller, widened by the given options only. The home is a tmpfs, unless one of the
 * mounts is a home that outlives the container.
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
