import type { RunOptions } from './options.ts';
import type { Policy } from './policy.ts';

const gibibytes = (bytes: number): string => `${Math.round((bytes / 2 ** 30) * 10) / 10} GiB`;

/**
 * What the command line allows beyond the defaults, one line each: nothing is widened in silence.
 * @param usual the policy without any flag.
 */
export const widenings = (options: RunOptions, usual: Policy): string[] => {
  const { memory = 0, cpus = 0, pids = 0 } = options.limits;
  const lines: readonly (readonly [boolean, string])[] = [
    [memory > usual.limits.memory, `--memory: the agent may use ${gibibytes(memory)}`],
    [cpus > usual.limits.cpus, `--cpus: the agent may use ${cpus} processors`],
    [pids > usual.limits.pids, `--pids: the agent may start ${pids} processes`],
    [options.writableRoot, '--writable-root: the agent may change the files of its image'],
    [!options.mask, '--no-mask: the agent may read secrets in the project'],
    [
      options.git === 'live',
      '--git live: what the agent leaves in .git can run on your machine, as soon as git runs there',
    ],
    [
      options.network.mode === 'named',
      `--join: the agent reaches every container of network ${options.network.mode === 'named' ? options.network.name : ''}`,
    ],
    ...options.mounts.map(
      (mount) => [true, `--mount: the agent reaches ${mount} as well`] as const,
    ),
  ];
  return lines.flatMap(([isWider, line]) => (isWider ? [line] : []));
};
