import type { Command } from './command.ts';
import { UserError } from './error.ts';
import type { Platform } from './platform.ts';
import type { Mount, Network, Policy } from './policy.ts';

/** One container to start under a policy. */
export type Launch = {
  /** What docker is asked to run: a reference by digest, or a local name. */
  readonly image: string;
  readonly platform: Platform;
  readonly policy: Policy;
  /** The whole argument vector; the image's own entrypoint is not used. */
  readonly command: readonly [string, ...string[]];
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** Values the agent may see on its command line's environment: not secret. */
  readonly env?: Readonly<Record<string, string>>;
  /** Secret variables: named on the command line, their values travel in the process environment. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly terminal?: 'tty' | 'stdin' | 'none';
};

/** Whether docker's mount syntax has a way to name this path. */
export function isMountable(path: string): boolean {
  return !/[\n\r\0"]/.test(path);
}

/**
 * The docker command that starts a container under its policy: the only place that spells docker's flags,
 * for ai-run and for smoke tests alike. Flags as in docs.docker.com/reference/cli/docker/container/run.
 * @throws UserError E_MOUNT_PATH for a path that docker's mount syntax cannot carry, E_NETWORK for the host's network.
 */
export function launch(options: Launch): Command {
  const { policy, command } = options;
  const flags = [
    '--rm',
    '--init',
    '--pull=never',
    `--platform=${options.platform}`,
    `--user=${policy.user.uid}:${policy.user.gid}`,
    '--cap-drop=ALL',
    ...policy.capabilities.map((capability) => `--cap-add=${capability}`),
    ...(policy.newPrivileges ? [] : ['--security-opt=no-new-privileges']),
    // Said, because an engine can be set to filter nothing (`seccomp-profile` of its daemon.json).
    '--security-opt=seccomp=builtin',
    ...(policy.writableRoot ? [] : ['--read-only']),
    ...(policy.ociRuntime === undefined ? [] : [`--runtime=${policy.ociRuntime}`]),
    '--ipc=private',
    `--network=${networkName(policy.network)}`,
    `--memory=${policy.limits.memory}`,
    // Memory and swap together: without it, docker grants as much again as swap.
    `--memory-swap=${policy.limits.memory}`,
    `--cpus=${policy.limits.cpus}`,
    `--pids-limit=${policy.limits.pids}`,
    '--ulimit=core=0',
    // Nothing an agent prints is kept by the engine.
    '--log-driver=none',
    ...policy.mounts.flatMap((mount) => mountFlags(mount, policy.user)),
    `--env=HOME=${policy.home}`,
    ...Object.entries(options.env ?? {}).map(([key, value]) => `--env=${key}=${value}`),
    ...Object.keys(options.secrets ?? {}).map((key) => `--env=${key}`),
    ...Object.entries(options.labels ?? {}).map(([key, value]) => `--label=${key}=${value}`),
    ...(options.name === undefined ? [] : [`--name=${options.name}`]),
    ...(options.workdir === undefined ? [] : [`--workdir=${options.workdir}`]),
    // Docker holds back Ctrl-P, the first key of its own detach sequence; an agent needs it.
    ...(options.terminal === 'tty'
      ? ['-it', '--detach-keys=ctrl-^,ctrl-^,ctrl-^,ctrl-^']
      : options.terminal === 'stdin'
        ? ['-i']
        : []),
    `--entrypoint=${command[0]}`,
  ];
  return {
    file: 'docker',
    args: ['run', ...flags, options.image, ...command.slice(1)],
    ...(options.secrets === undefined ? {} : { env: options.secrets }),
  };
}

/** The host's network, or another container's, can be named like one; they are not to be had. */
function networkName(network: Network): string {
  if (network.mode !== 'named') return network.mode;
  if (!/^[A-Za-z0-9][\w.-]*$/.test(network.name) || /^(host|default)$/.test(network.name)) {
    throw new UserError(
      'E_NETWORK',
      `no container is joined to network ${JSON.stringify(network.name)}`,
      {
        hint: 'name one that `docker network create` made',
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
  // Only --tmpfs can give it to a user, and it takes what follows a colon for options.
  if (mount.target.includes(':')) throw unmountable(mount.target, 'a colon as an empty folder');
  // Executable, because compilers run what they build in /tmp; the project itself is executable as well.
  const options = `rw,exec,nosuid,nodev,size=${mount.bytes},mode=${mount.mode},uid=${user.uid},gid=${user.gid}`;
  return ['--tmpfs', `${mount.target}:${options}`];
}

/** `--mount` is CSV: a field with a quote, a comma or a newline would start another one. */
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
    `cannot mount ${JSON.stringify(path)}: docker cannot name a path with ${what}`,
    { hint: 'rename the folder' },
  );
}
