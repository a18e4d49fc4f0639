import { expect, test } from 'vitest';
import type { Need } from '../../../bakery/publisher/need.rules.ts';
import { missingBefore, type Step } from '../../../bakery/publisher/steps.rules.ts';
import { image, indexOf } from './images.ts';

const found = (step: 'test' | 'promote' | 'nothing', ...untested: ['linux/arm64'?]): Need => ({
  step,
  index: indexOf(image()),
  untested: untested.flatMap((one) => (one === undefined ? [] : [one])),
  moves: [],
});

test.each<[Step, Need, string | undefined]>([
  ['stage', { step: 'build' }, undefined],
  ['stage', found('test', 'linux/arm64'), undefined],
  ['stage', found('nothing'), undefined],
  ['test', { step: 'build' }, 'not staged'],
  ['test', found('test', 'linux/arm64'), undefined],
  ['test', found('promote'), undefined],
  ['test', found('nothing'), undefined],
  ['promote', { step: 'build' }, 'not staged'],
  ['promote', found('test', 'linux/arm64'), 'not tested on linux/arm64'],
  ['promote', found('promote'), undefined],
  ['promote', found('nothing'), undefined],
])('a run from %s on, where %o is missing: %s', (from, need, expected) => {
  expect(missingBefore(from, need)).toBe(expected);
});
