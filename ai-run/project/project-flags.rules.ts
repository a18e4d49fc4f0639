/** The project file's settings as flags, and their order below the command line's. */

import type { RunFlags } from '../cli/commands.rules.ts';
import { isFileKey, type ProjectFile } from './parse-project-file.rules.ts';
import type { WorkspaceRequest } from './folders.rules.ts';

/** Returns the file without the settings that the command line overrides. */
export function unsaid(file: ProjectFile, flags: RunFlags): ProjectFile {
  const { 'no-mask': noMask = false, 'oci-runtime': ociRuntime } = flags;
  const overruled: Readonly<Partial<Record<keyof ProjectFile, boolean>>> = {
    runtime: (flags.runtime ?? flags.lang) !== undefined,
    memory: flags.memory !== undefined,
    cpus: flags.cpus !== undefined,
    pids: flags.pids !== undefined,
    network: (flags.network ?? flags.join) !== undefined,
    join: (flags.network ?? flags.join) !== undefined,
    git: flags.git !== undefined,
    gvisor: flags.gvisor !== undefined || ociRuntime !== undefined,
    'writable-root': flags['writable-root'] !== undefined,
    mask: noMask,
    unmask: noMask,
  };
  return Object.fromEntries(
    Object.entries({
      ...file,
      ...(file.env && { env: file.env.filter((name) => flags.env?.includes(name) !== true) }),
    }).filter(([key]) => !isFileKey(key) || overruled[key] !== true),
  );
}

/** Returns the flags for the same session; masks have no flag. */
export function flagsOf(file: ProjectFile): RunFlags {
  const { mask: _mask, unmask: _unmask, env, mounts: shared, ...same } = file;
  return {
    ...same,
    ...(env && { env: [...env] }),
    ...(shared && { mount: shared.map(spellMount) }),
  };
}

/** Returns the command line's flags over the file's; lists are joined. */
export function overlay(file: RunFlags, flags: RunFlags): RunFlags {
  return {
    ...file,
    ...flags,
    env: [...(file.env ?? []), ...(flags.env ?? [])],
    mount: [...(file.mount ?? []), ...(flags.mount ?? [])],
  };
}

/** Formats the file as one line for people: `memory 2g, network none, mask (2)`. */
export function summary(file: ProjectFile): string {
  return Object.entries(file)
    .flatMap(([key, value]) => {
      if (typeof value !== 'object') return [`${key} ${value}`];
      return value.length === 0 ? [] : [`${key} (${value.length})`];
    })
    .join(', ');
}

/** Formats a mount as a value of `--mount`. */
function spellMount({ folder, readonly }: WorkspaceRequest): string {
  return `${folder}:${readonly ? 'ro' : 'rw'}`;
}
