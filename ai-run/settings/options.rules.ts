/** The options of a session, parsed and checked from the command line's flags. */

import { type Amount, cpus, memory, pids } from './amount.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type GitMode, gitModes } from '../git/modes.rules.ts';
import type { Network, PolicyOptions } from '@ai-bakery/kernel/policy.ts';
import type { Given } from './settings.rules.ts';
import type { RunFlags } from '../cli/commands.rules.ts';
import { isKeyName } from '../keys/key-name.rules.ts';

/** The options of a session. */
export type RunOptions = {
  readonly agent: string;
  /** Arguments for the agent, passed on unchanged. */
  readonly args: readonly string[];
  readonly runtime: string;
  /** The flags about the image's source: see `settle`. */
  readonly image: Given['flags'];
  /** Whether the image is built first. */
  readonly build: boolean;
  readonly shell: boolean;
  readonly print: boolean;
  readonly git: GitMode;
  readonly mask: boolean;
  /** Whether the user's own configuration of the agent is copied into the sandbox. */
  readonly withConfig: boolean;
  readonly gitCredentials: boolean;
  /** Names of private keys in `~/.ssh`. */
  readonly sshKeys: readonly string[];
  /** Names of variables that are passed on in addition to the contract's. */
  readonly env: readonly string[];
  /** `path`, `path:ro`, as they were written. */
  readonly mounts: readonly string[];
  readonly network: Network;
  readonly limits: NonNullable<PolicyOptions['limits']>;
  readonly writableRoot: boolean;
  readonly ociRuntime: string | undefined;
  /** The given flags: a project's file may set those that are absent. */
  readonly flags: RunFlags;
};

export function usage(message: string): UserError {
  return new UserError('E_USAGE', message, { hint: 'ai-run --help' });
}

/**
 * @param args words after `--`.
 * @throws UserError E_USAGE with the flag, what was expected and what was given.
 */
export function readOptions(flags: RunFlags, agent: string, args: readonly string[]): RunOptions {
  if (!isName(agent)) throw usage(`not the name of an agent: ${JSON.stringify(agent)}`);
  const runtime = flags.runtime ?? flags.lang ?? 'base';
  if (!isName(runtime))
    throw usage(`--runtime: not the name of a runtime: ${JSON.stringify(runtime)}`);
  const sshKeys = flags['ssh-key'] ?? [];
  const noKey = sshKeys.find((name) => !isKeyName(name));
  if (noKey !== undefined)
    throw usage(`--ssh-key: expected the name of a file in ~/.ssh, got ${JSON.stringify(noKey)}`);
  return {
    agent,
    args,
    runtime,
    image: imageOf(flags),
    build: flags.build === true,
    shell: flags.shell === true,
    print: flags.print === true,
    git: oneOf('git', flags.git ?? 'shadow', gitModes),
    mask: flags['no-mask'] !== true,
    withConfig: flags['with-config'] === true,
    gitCredentials: flags['git-credentials'] === true,
    sshKeys,
    env: flags.env ?? [],
    mounts: flags.mount ?? [],
    network: networkOf(flags),
    limits: {
      ...(flags.memory === undefined ? {} : { memory: amountOf('memory', flags.memory, memory) }),
      ...(flags.cpus === undefined ? {} : { cpus: amountOf('cpus', flags.cpus, cpus) }),
      ...(flags.pids === undefined ? {} : { pids: amountOf('pids', flags.pids, pids) }),
    },
    writableRoot: flags['writable-root'] === true,
    ociRuntime: ociRuntimeOf(flags),
    flags,
  };
}

function isName(text: string): boolean {
  return /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(text);
}

/** Returns the image flags; `--build` implies a local image, regardless of the environment. */
function imageOf(flags: RunFlags): Given['flags'] {
  const { platform, pull } = flags;
  if (flags.build !== true) return { 'image-source': flags['image-source'], platform, pull };
  if (flags['image-source'] === 'registry' || pull !== undefined)
    throw usage('--build makes a local image: remove --image-source registry and --pull');
  return { 'image-source': 'local', platform, pull };
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined)
    throw usage(`--${flag}: expected ${allowed.join(', ')}, got ${JSON.stringify(value)}`);
  return found;
}

function networkOf({ network, join }: RunFlags): Network {
  if (network !== undefined && join !== undefined)
    throw usage('--network and --join exclude each other');
  return join === undefined
    ? { mode: oneOf('network', network ?? 'bridge', ['bridge', 'none']) }
    : { mode: 'named', name: join };
}

function amountOf(flag: string, text: string, { expected, read }: Amount): number {
  const value = read(text);
  if (value === undefined)
    throw usage(`--${flag}: expected ${expected}, got ${JSON.stringify(text)}`);
  return value;
}

function ociRuntimeOf(flags: RunFlags): string | undefined {
  const name = flags['oci-runtime'] ?? (flags.gvisor === true ? 'runsc' : undefined);
  if (name !== undefined && !/^[a-zA-Z0-9][\w.-]*$/.test(name))
    throw usage(`--oci-runtime: expected a name like runsc, got ${JSON.stringify(name)}`);
  return name;
}
