import { describe, expect, test } from 'vitest';
import type { Image } from '../../../bakery/plan/plan.rules.ts';
import { pushWaves } from '../../../bakery/composer/waves.rules.ts';
import { digest } from '../support.ts';
import { image } from './images.ts';

/** `a:go` is made of the layers of agent a, of base and of go. */
const cell = (id: string, base = 'upstream'): Image => {
  const [agent = '', runtime = ''] = id.split(':');
  const layers = [
    `agent/${agent}`,
    'runtime/base',
    ...(runtime === 'base' ? [] : [`runtime/${runtime}`]),
  ];
  return image({
    id,
    layers: layers.flatMap((name) => [`${name} linux/amd64`, `${name} linux/arm64`]),
    inputs: { base },
  });
};

const waves = (...ids: string[]): string[][] =>
  pushWaves(ids.map((id) => cell(id))).map((wave) => wave.map(({ id }) => id));

describe('images are pushed', () => {
  test.each<[string, string[], string[][]]>([
    ['not at all where there are none', [], []],
    ['alone where there is one', ['a:base'], [['a:base']]],
    [
      'first the base, then what shares nothing new, then the rest',
      ['a:base', 'a:go', 'a:php', 'b:base', 'b:go', 'b:php'],
      [['a:base'], ['a:go', 'a:php', 'b:base'], ['b:go', 'b:php']],
    ],
    [
      'of one new agent one first, as its layer goes with it',
      ['a:go', 'a:php', 'a:base'],
      [['a:go'], ['a:php', 'a:base']],
    ],
  ])('%s', (_, ids, expected) => {
    expect(waves(...ids)).toEqual(expected);
  });

  test('together where they stand on different bases and share no layer', () => {
    const [one, two] = [cell('a:base'), { ...cell('b:base', 'other'), layers: ['agent/b'] }];
    expect(pushWaves([one, two])).toEqual([[one, two]]);
  });

  test('each once, and no layer is new to two of a wave', () => {
    const ids = ['a', 'b', 'c', 'd'].flatMap((agent) =>
      ['base', 'go', 'php', 'lua'].map((runtime) => `${agent}:${runtime}`),
    );
    const all = pushWaves(ids.map((id) => cell(id)));
    expect(
      all
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids.toSorted());
    const pushed = new Set<string>();
    for (const wave of all) {
      const fresh = wave.flatMap(({ layers }) => layers.filter((layer) => !pushed.has(layer)));
      expect(new Set(fresh).size).toBe(fresh.length);
      for (const layer of fresh) pushed.add(layer);
    }
    expect(all).toHaveLength(3);
  });
});

test('the key of the base is what counts', () => {
  const [one, two] = [
    image({ id: 'a', inputs: { base: digest('a') } }),
    image({ id: 'b', inputs: { base: digest('a') } }),
  ];
  expect(pushWaves([one, two])).toHaveLength(2);
});
