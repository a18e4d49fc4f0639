import { expect, test } from 'vitest';
import { isAbandoned, trialName } from '../../../bakery/tester/trial-names.rules.ts';

const began = Date.UTC(2026, 10, 21, 9, 30);
const hours = (number: number): number => began + number * 60 * 60 * 1000;
const name = trialName(began, '3f9a2c');

test('a name says when it was given, and by whom', () => {
  expect(name).toBe('1795253400-3f9a2c');
});

test.each([
  ['at once', name, began, false],
  ['after 23 hours', name, hours(23), false],
  ['after 25 hours', name, hours(25), true],
  ['with a number after it', `${name}-0`, hours(25), true],
  ['by a clock that was set back', name, hours(-25), false],
  ['what older versions called it', '3f9a2c5d6e7f-0', hours(25), false],
  ['a tag of somebody else’s', 'latest', hours(25), false],
])('left: %s', (_, left, now, expected) => {
  expect(isAbandoned(left, now)).toBe(expected);
});
