import type { Command } from '../../kernel/command.ts';
import { launch } from '../../kernel/launch.ts';
import { platformOfMachine } from '../../kernel/platform.ts';
import type { Policy } from '../../kernel/policy.ts';
import type { Machine, Vector } from './vectors.ts';

type Attempt = Pick<Vector, 'run' | 'drop' | 'add' | 'swap'>;

const platform = platformOfMachine(process.arch) ?? 'linux/amd64';

/** The docker command of an attempt under a policy: ai-run's own, with what a vector changes in its flags. */
export const commandOf = (
  image: string,
  policy: Policy,
  { run: words, drop, add = [], swap: [from, to] = ['', ''] }: Attempt,
  machine: Machine,
): Command => {
  const [file = '', ...rest] = words.map((word) =>
    word.replace('{port}', String(machine.port)).replace('{file}', machine.file),
  );
  const command = launch({ image, platform, policy, command: [file, ...rest] });
  const end = command.args.indexOf(image);
  const flags = command.args
    .slice(0, end)
    .filter((flag) => drop?.test(flag) !== true)
    .map((flag) => flag.replace(from, to));
  return { ...command, args: [...flags, ...add, ...command.args.slice(end)] };
};

/** Both commands of a vector: under the policy, then without its guard. */
export const commandsOf = (
  image: string,
  hardened: Policy,
  vector: Vector,
  machine: Machine,
): readonly [Command, Command] => {
  const { given, without, run } = vector;
  const policy = given?.(hardened) ?? hardened;
  return [
    commandOf(image, policy, { run }, machine),
    commandOf(image, without?.(policy, machine) ?? policy, vector, machine),
  ];
};
