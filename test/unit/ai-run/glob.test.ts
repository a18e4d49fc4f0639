import { describe, expect, test } from 'vitest';
import { fits } from '../../../ai-run/project/glob.rules.ts';

describe('a pattern', () => {
  test.each<[string, string[], string[]]>([
    ['', [''], ['a']],
    ['a', ['a', 'A'], ['', 'b', 'aa']],
    ['*', ['', 'a', 'a.b'], ['a/b', '/']],
    ['**', ['', 'a'], ['a/b']],
    ['?', ['a', '?'], ['', 'ab', '/']],
    ['*.pem', ['.pem', 'a.pem', 'a.b.PEM', '.pem.pem'], ['pem', 'a.pems', 'a/b.pem']],
    ['.env.*', ['.env.', '.env.local'], ['.env', 'x.env.a']],
    ['a*b*c', ['abc', 'aXbXc', 'abbcc', 'abcbc'], ['ab', 'acb', 'abcd', 'a/bc', 'ab/c']],
    ['*a*/*b', ['a/b', 'xax/xb', 'aa/bb'], ['ab', 'a/x/b', 'x/b', 'a/b/']],
    ['a?c*', ['abc', 'abcd'], ['ac', 'a/c']],
    ['[a].+(b)', ['[a].+(b)'], ['a.b', 'ab']],
  ])('%j', (pattern, yes, no) => {
    expect(yes.filter((name) => !fits(name, pattern))).toEqual([]);
    expect(no.filter((name) => fits(name, pattern))).toEqual([]);
  });

  test('is no way to make a start slow', () => {
    const name = 'a'.repeat(255);
    const started = performance.now();
    for (let round = 0; round < 100; round++)
      expect(fits(name, '*a'.repeat(60) + '*b')).toBe(false);
    // As a regular expression: longer than anybody waits, for one name.
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
