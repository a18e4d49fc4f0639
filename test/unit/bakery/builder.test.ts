import { expect, test } from 'vitest';
import {
  type Build,
  type Builder,
  type BuildResult,
  limited,
  repeated,
} from '../../../bakery/builder/builder.ts';

/** The decorators of builders. */

const build = (id: string): Build => ({ id, command: { file: 'docker', args: [] }, input: '' });
const resultOf = (id: string, ok: boolean): BuildResult => ({
  id,
  ok,
  executed: 0,
  milliseconds: 0,
  log: '',
});

test('a limited builder runs so many builds at a time', async () => {
  let running = 0;
  const counts: number[] = [];
  const counting: Builder = {
    build: async ({ id }) => {
      running += 1;
      counts.push(running);
      await new Promise((settle) => setTimeout(settle, 1));
      running -= 1;
      return resultOf(id, true);
    },
  };
  const all = ['a', 'b', 'c', 'd'].map(build);
  const bounded = limited(counting, 2);
  await Promise.all(all.map((one) => bounded.build(one)));
  expect(Math.max(...counts)).toBe(2);
  counts.length = 0;
  await Promise.all(all.map((one) => counting.build(one)));
  expect(Math.max(...counts)).toBe(4);
});

test('a repeated builder returns the last result', async () => {
  let tries = 0;
  const second: Builder = {
    build: ({ id }) => {
      tries += 1;
      return Promise.resolve(resultOf(id, tries === 2));
    },
  };
  const twice = repeated(second, async (attempt) => {
    const first = await attempt();
    return first.ok ? first : attempt();
  });
  expect(await twice.build(build('a'))).toEqual(resultOf('a', true));
  expect(tries).toBe(2);
});
