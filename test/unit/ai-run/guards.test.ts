import { expect, test } from 'vitest';
import { harden } from '../../../kernel/policy.ts';
import { commandsOf } from '../../escape/start.ts';
import { printing, vectors } from '../../escape/vectors.ts';

const image = 'ai-otter:base';
const hardened = harden({ user: { uid: 1234, gid: 1234 }, network: { mode: 'none' } });
const machine = { file: '/file', port: 1 };

/** Parts of the command that guard nothing: docker's own options, and the agent's environment. */
const service = /^(run|--(rm|pull|platform|env|entrypoint|tmpfs)|tmpfs (rw|exec|mode|uid|gid))\b/;

/** The guards in a command, each for itself: `--memory=1024`, `tmpfs nosuid`. */
const guards = (args: readonly string[]): string[] => [
  ...new Set(
    args
      .slice(0, args.indexOf(image))
      .flatMap((flag) => {
        const [, options] = /^\/[^:]+:(.+)$/.exec(flag) ?? [];
        return options === undefined
          ? [flag]
          : options.split(',').map((option) => `tmpfs ${option}`);
      })
      .filter((guard) => !service.test(guard)),
  ),
];
/** `--memory`, `--security-opt=seccomp` */
const nameOf = (guard: string): string => /^(--security-opt=)?[^=]*/.exec(guard)?.[0] ?? '';

/** The guards that a vector takes away. */
const taken = (vector: (typeof vectors)[number]): string[] => {
  const [under, without] = commandsOf(image, hardened, vector, machine);
  const left = guards(without.args);
  return guards(under.args)
    .filter((guard) => !left.includes(guard))
    .map(nameOf);
};

test('every guard of the policy has an attempt that fails because of it alone', () => {
  const { args } = commandsOf(image, hardened, { ...printing, drop: /^$/ }, machine)[0];
  const all = guards(args).map(nameOf);
  expect(all.length).toBeGreaterThan(15);
  const alone = [...vectors, printing].map(taken).filter(
    // The limit of memory and swap goes with that of memory.
    (names) => names.length === 1 || names.join() === '--memory,--memory-swap',
  );
  expect(all.filter((name) => !alone.flat().includes(name))).toEqual([]);
});
