/** The lines that report every setting beyond the default policy. */

import { readOptions, type RunOptions } from '../settings/options.rules.ts';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import type { ProjectFile } from './parse-project-file.rules.ts';
import { flagsOf } from './project-flags.rules.ts';

type Wider = Pick<RunOptions, 'limits' | 'writableRoot' | 'mask' | 'git' | 'network' | 'mounts'>;

/**
 * Returns one line for each option that allows more than the defaults: nothing is widened silently.
 * @param usual the policy without any flag.
 * @param spell spells a flag as in its source.
 */
export function widenings(
  options: Wider,
  usual: Policy,
  spell = (flag: string): string => `--${flag}`,
): string[] {
  const { memory = 0, cpus = 0, pids = 0 } = options.limits;
  const lines: readonly (readonly [boolean, string])[] = [
    [memory > usual.limits.memory, `${spell('memory')}: the agent may use ${gibibytes(memory)}`],
    [cpus > usual.limits.cpus, `${spell('cpus')}: the agent may use ${cpus} processors`],
    [pids > usual.limits.pids, `${spell('pids')}: the agent may start ${pids} processes`],
    [
      options.writableRoot,
      `${spell('writable-root')}: the agent may change the files of its image`,
    ],
    [!options.mask, `${spell('no-mask')}: the agent may read secrets in the project`],
    [
      options.git === 'live',
      `${spell('git')} live: files that the agent leaves in .git can run on your machine as soon as git runs there`,
    ],
    [
      options.network.mode === 'named',
      `${spell('join')}: the agent reaches every container of network ${options.network.mode === 'named' ? options.network.name : ''}`,
    ],
    ...options.mounts.map(
      (mount) => [true, `${spell('mount')}: the agent reaches ${mount} as well`] as const,
    ),
  ];
  return lines.flatMap(([isWider, line]) => (isWider ? [line] : []));
}

/** Returns a line for the patterns that show secrets, if any. */
export function unmasking(name: string, patterns: readonly string[]): string[] {
  return patterns.length === 0 ? [] : [`${name}: the agent may read ${quoted(patterns)}`];
}

/** Returns the lines for a project's file: the settings that must be approved. */
export function fileWidenings(file: ProjectFile, usual: Policy): string[] {
  return [
    ...widenings(readOptions(flagsOf(file), 'agent', []), usual, (flag) =>
      flag === 'mount' ? 'mounts' : flag,
    ),
    ...((file.env ?? []).length === 0
      ? []
      : [`env: the agent gets ${file.env?.join(', ')}, if set`]),
    ...unmasking('unmask', file.unmask ?? []),
  ];
}

function gibibytes(bytes: number): string {
  return `${Math.round((bytes / 2 ** 30) * 10) / 10} GiB`;
}

function quoted(patterns: readonly string[]): string {
  return patterns.map((pattern) => JSON.stringify(pattern)).join(', ');
}
