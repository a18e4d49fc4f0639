import { expect, test } from 'vitest';
import { isFrom, lacks } from '../../../ai-run/engine/version.rules.ts';

const runc = ['1.2.8', '1.3.3', '1.4.0-rc.3'];

test.each([
  ['1.1.15', true],
  ['1.1.15+ds1', true],
  ['1.2.7', true],
  ['v1.2.8', false],
  ['1.2.10', false],
  ['1.3.2', true],
  ['1.3.3', false],
  ['1.4.0-rc.2', true],
  ['1.4.0-rc.3', false],
  ['1.4.0', false],
  ['1.5.0-rc.1', false],
  ['1.0.0-rc95', true],
  ['59923ef', false],
  ['', false],
])('runc %s lacks the fixes of its branch: %s', (version, expected) => {
  expect(lacks(version, runc)).toBe(expected);
});

test('a branch that got no fix is as old as it looks', () => {
  expect(lacks('24.0.9', ['23.0.15', '25.0.6', '27.1.1'])).toBe(true);
  expect(lacks('28.0.0', ['23.0.15', '25.0.6', '27.1.1'])).toBe(false);
});

test('a candidate comes before its release', () => {
  expect(isFrom('1.0.0-rc92', '1.0.0-rc93')).toBe(false);
  expect(isFrom('1.0.0-rc93', '1.0.0-rc93')).toBe(true);
  expect(isFrom('1.0.0', '1.0.0-rc93')).toBe(true);
});
