import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lintDockerfile } from '../../bakery/templates/lint.rules.ts';
import { nonce } from './support.ts';
import { makeWorld, wordWithoutEmulation, type World } from './trap-builds.ts';

/** A rule of lint, with a text that breaks it and one that keeps it. */
export type Trap = {
  readonly rule: string;
  readonly harm: string;
  readonly broken: (world: World) => string;
  readonly kept: (world: World) => string;
  /** Builds a text and looks at what came out. */
  readonly see: (text: string, world: World) => Promise<unknown>;
  /** The results of the two texts; both show that the build did its work. */
  readonly damage: unknown;
  readonly sound: unknown;
  /** Other rules that this text cannot keep, and why. */
  readonly besides?: Readonly<Record<string, string>>;
};

export const native = 'FROM --platform=$BUILDPLATFORM';
export const link = 'COPY --link --from=build /out/ /';

/** The last stage of an export of files. */
export const files = `FROM scratch\n${link}\n`;

const once = nonce();

/** Its damage shows only while the whole machine cannot run foreign programs, so test/alone shows it. */
export const emulatedRun: Trap = {
  rule: 'emulated-run',
  harm: 'a step of the target platform does not even start where programs of it cannot',
  broken: ({ node }) =>
    `FROM ${node} AS build\nRUN mkdir /out && echo ${once} >/out/word\n${files}`,
  kept: ({ node }) =>
    `${native} ${node} AS build\nRUN mkdir /out && echo ${once} >/out/word\n${files}`,
  see: wordWithoutEmulation,
  damage: expect.stringContaining('exec format error'),
  sound: once,
};

/** Shows the damage of each trap by a real build, and that a text that keeps the rule has no damage. */
export const describeTraps = (traps: readonly Trap[]): void => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(() => world.close());

  describe.each(traps.map((trap) => [`${trap.rule}: ${trap.harm}`, trap] as const))(
    '%s',
    (_, { rule, broken, kept, see, damage, sound, besides = {} }) => {
      test('a build shows it', async () => {
        expect(await see(broken(world), world)).toEqual(damage);
      });

      test('a build that keeps the rule does not', async () => {
        expect(await see(kept(world), world)).toEqual(sound);
      });

      test('lint reports this rule for the one text, and nothing for the other', () => {
        const reported = new Set(lintDockerfile(broken(world)).map((issue) => issue.rule));
        expect(reported).toEqual(new Set([rule, ...Object.keys(besides)]));
        expect(lintDockerfile(kept(world))).toEqual([]);
      });
    },
  );
};
