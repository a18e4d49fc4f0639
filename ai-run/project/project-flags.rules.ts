import type { RunFlags } from '../settings/options.rules.ts';
import { isFileKey, type ProjectFile } from './parse-project-file.rules.ts';
import type { WorkspaceRequest } from './folders.rules.ts';

/** The file without what the command line says itself. */
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

/** What the command line would have to say for the same session; masks have no flag. */
export function flagsOf(file: ProjectFile): RunFlags {
  const { mask: _mask, unmask: _unmask, env, mounts: shared, ...same } = file;
  return {
    ...same,
    ...(env && { env: [...env] }),
    ...(shared && { mount: shared.map(spellMount) }),
  };
}

/** The flags of the command line with those of the file below them; of lists, both. */
export function overlay(file: RunFlags, flags: RunFlags): RunFlags {
  return {
    ...file,
    ...flags,
    env: [...(file.env ?? []), ...(flags.env ?? [])],
    mount: [...(file.mount ?? []), ...(flags.mount ?? [])],
  };
}

/** The file in one line, for people: `memory 2g, network none, 2 of mask`. */
export function summary(file: ProjectFile): string {
  return Object.entries(file)
    .flatMap(([key, value]) => {
      if (typeof value !== 'object') return [`${key} ${value}`];
      return value.length === 0 ? [] : [`${key} (${value.length})`];
    })
    .join(', ');
}

/** A mount as the command line says it. */
function spellMount({ folder, readonly }: WorkspaceRequest): string {
  return `${folder}:${readonly ? 'ro' : 'rw'}`;
}
