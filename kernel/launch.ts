/** The docker command that starts a container under a policy: the only place that spells docker's flags. */

import type { Command } from './command.ts';
import { UserError } from './error.ts';
import type { Platform } from './platform.ts';
import type { Mount, Network, Policy } from './policy.ts';

/** A container to start under a policy. */
export type Launch = {
  /** A reference by digest, or a local name. */
  readonly image: string;
  readonly platform: Platform;
  readonly policy: Policy;
  /** The whole argument vector; the image's own entrypoint is not used. */
  readonly command: readonly [string, ...string[]];
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** Values that are not secret: they are visible in docker's command line. */
  readonly env?: Readonly<Record<string, string>>;
  /** Secret variables: docker's command line has the names, its process environment the values. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly terminal?: 'tty' | 'stdin' | 'none';
};

/** Whether docker's mount syntax can express this path. */
export function isMountable(path: string): boolean {
  return !/[\n\r\0"]/.test(path);
}

/**
 * Returns the docker command that starts a container under its policy, for ai-run and for smoke tests alike. Flags as in
 * docs.docker.com/reference/cli/docker/container/run.
 * @throws UserError E_MOUNT_PATH for a path that docker's mount syntax cannot express, E_NETWORK for the host's network.
 */
export function launch(options: Launch): Command {
  return commandOf(['run', '--rm'], options);
}

/** The command that makes the same container and does not start it. It stays after its end, so that it can be inspected. */
export function create(options: Omit<Launch, 'terminal'>): Command {
  return commandOf(['create'], options);
}

function commandOf(verb: readonly string[], options: Launch): Command {
  const { policy, command } = options;
  const flags = [
    '--init',
    '--pull=never',
    `--platform=${options.platform}`,
    `--user=${policy.user.uid}:${policy.user.gid}`,
    '--cap-drop=ALL',
    ...policy.capabilities.map((capability) => `--cap-add=${capability}`),
    ...(policy.newPrivileges ? [] : ['--security-opt=no-new-privileges']),
    // Explicit, because an engine can be configured without a filter (`seccomp-profile` in its daemon.json).
    '--security-opt=seccomp=builtin',
    ...(policy.writableRoot ? [] : ['--read-only']),
    ...(policy.ociRuntime === undefined ? [] : [`--runtime=${policy.ociRuntime}`]),
    '--ipc=private',
    `--network=${networkName(policy.network)}`,
    `--memory=${policy.limits.memory}`,
    // The sum of memory and swap: by default docker grants the same amount again as swap.
    `--memory-swap=${policy.limits.memory}`,
    `--cpus=${policy.limits.cpus}`,
    `--pids-limit=${policy.limits.pids}`,
    '--ulimit=core=0',
    // The engine keeps no log of the agent's output.
    '--log-driver=none',
    ...policy.mounts.flatMap((mount) => mountFlags(mount, policy.user)),
    `--env=HOME=${policy.home}`,
    ...Object.entries(options.env ?? {}).map(([key, value]) => `--env=${key}=${value}`),
    ...Object.keys(options.secrets ?? {}).map((key) => `--env=${key}`),
    ...Object.entries(options.labels ?? {}).map(([key, value]) => `--label=${key}=${value}`),
    ...(options.name === undefined ? [] : [`--name=${options.name}`]),
    ...(options.workdir === undefined ? [] : [`--workdir=${options.workdir}`]),
    // By default docker's client holds back Ctrl-P, the first key of its detach sequence; agents need that key.
    ...(options.terminal === 'tty'
      ? ['-it', '--detach-keys=ctrl-^,ctrl-^,ctrl-^,ctrl-^']
      : options.terminal === 'stdin'
        ? ['-i']
        : []),
    `--entrypoint=${command[0]}`,
  ];
  return {
    file: 'docker',
    args: [...verb, ...flags, options.image, ...command.slice(1)],
    ...(options.secrets === undefined ? {} : { env: options.secrets }),
  };
}

/** Rejects `host`, `default` and `container:…`, which docker also accepts here. */
function networkName(network: Network): string {
  if (network.mode !== 'named') return network.mode;
  if (!/^[A-Za-z0-9][\w.-]*$/.test(network.name) || /^(host|default)$/.test(network.name)) {
    throw new UserError(
      'E_NETWORK',
      `a session cannot join network ${JSON.stringify(network.name)}`,
      {
        hint: 'name a network that `docker network create` made',
      },
    );
  }
  return network.name;
}

function mountFlags(mount: Mount, user: Policy['user']): string[] {
  const target = field('target', mount.target);
  if (mount.type === 'bind') {
    const readonly = mount.readonly ? ['readonly'] : [];
    return mountFlag('type=bind', field('source', mount.source), target, ...readonly);
  }
  if (mount.readonly === true) {
    const { bytes, mode } = mount;
    return mountFlag('type=tmpfs', target, `tmpfs-size=${bytes}`, `tmpfs-mode=${mode}`, 'readonly');
  }
  // Only --tmpfs can set the owner, and it parses everything after a colon as options.
  if (mount.target.includes(':')) throw unmountable(mount.target, 'a colon as an empty folder');
  // Executable, because compilers run their output from /tmp; the project itself is executable as well.
  const options = `rw,exec,nosuid,nodev,size=${mount.bytes},mode=${mount.mode},uid=${user.uid},gid=${user.gid}`;
  return ['--tmpfs', `${mount.target}:${options}`];
}

/** Formats one field of `--mount`, which is CSV: a quote, a comma or a newline in a value could start another field. */
function field(key: string, value: string): string {
  if (!isMountable(value)) throw unmountable(value, 'quotes or line breaks');
  return value.includes(',') ? `"${key}=${value}"` : `${key}=${value}`;
}

function mountFlag(...fields: readonly string[]): string[] {
  return ['--mount', fields.join(',')];
}

function unmountable(path: string, what: string): UserError {
  return new UserError(
    'E_MOUNT_PATH',
    `cannot mount ${JSON.stringify(path)}: docker cannot mount a path with ${what}`,
    { hint: 'rename the folder' },
  );
}
