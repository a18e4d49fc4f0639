import { describe, expect, test } from 'vitest';
import type { Digest } from '../../../kernel/reference.ts';
import { prunable, type Tagged } from '../../../bakery/publisher/prunable.rules.ts';
import { digest } from '../support.ts';

const now = Date.parse('2026-11-21');
const daysAgo = (days: number): number => now - days * 86_400_000;
const keep = { count: 1, since: daysAgo(30) };

/** An index `a` has the children `a1` and `a2`, unless others are named. */
const hex = (word: string): Digest => `sha256:${word.padEnd(64, '0')}`;
const tagged = (
  tag: string,
  name: string,
  days: number,
  { version = '1', runtime = 'go', children = [`${name}1`, `${name}2`] } = {},
): Tagged => ({
  tag,
  digest: hex(name),
  children: children.map(hex),
  annotations: {
    'org.opencontainers.image.version': version,
    'ai-run.runtime': runtime,
  },
  created: daysAgo(days),
});
const staging = 'stg-000000000000';
const tested = 'tested-000000000000-amd64';

test('an old layer goes, unless today’s definitions are made of it', () => {
  const old = tagged('layer-a00000000000-arm64', 'a', 31, { children: [] });
  const current = tagged('layer-b00000000000-arm64', 'b', 31, { children: [] });
  expect(prunable([old, current], { ...keep, tags: new Set([current.tag]) })).toEqual({
    tags: [old.tag],
    digests: [old.digest],
  });
  expect(prunable([old, current], keep).tags).toEqual([old.tag, current.tag]);
});

describe('of a repository', () => {
  test.each<[string, Tagged[], string[], string[]]>([
    [
      'old staging goes, with its children',
      [tagged(staging, 'a', 31)],
      [staging],
      ['a', 'a1', 'a2'],
    ],
    ['young staging stays', [tagged(staging, 'a', 29)], [], []],
    [
      'a test’s tag goes with what it stands for, once',
      [tagged(staging, 'a', 31), tagged(tested, 'a', 31)],
      [staging, tested],
      ['a', 'a1', 'a2'],
    ],
    [
      'staging that became public stays, as deleting its digest would take that tag along',
      [tagged(staging, 'a', 99), tagged(tested, 'a', 99), tagged('go', 'a', 99)],
      [],
      [],
    ],
    [
      'a child that something kept has as well stays',
      [tagged(staging, 'a', 31, { children: ['a1', 'b1'] }), tagged('go', 'b', 1)],
      [staging],
      ['a', 'a1'],
    ],
    [
      'a child that is tagged itself stays',
      [tagged(staging, 'a', 31), { ...tagged('debug', 'a1', 31), children: [] }],
      [staging],
      ['a', 'a2'],
    ],
    [
      'the newest fixed tag stays, whatever its age',
      [
        tagged('1-go', 'a', 99, { version: '1' }),
        tagged('2-go', 'b', 98, { version: '2' }),
        tagged('3-go', 'c', 97, { version: '3' }),
      ],
      ['1-go', '2-go'],
      ['a', 'b', 'a1', 'a2', 'b1', 'b2'],
    ],
    [
      'each runtime has its own newest',
      [
        tagged('1-go', 'a', 99),
        tagged('1-base', 'b', 99, { runtime: 'base' }),
        tagged('2-base', 'c', 98, { version: '2', runtime: 'base' }),
      ],
      ['1-base'],
      ['b', 'b1', 'b2'],
    ],
    [
      'a young fixed tag stays beyond the count',
      [tagged('1-go', 'a', 29), tagged('2-go', 'b', 1, { version: '2' })],
      [],
      [],
    ],
    ['a moving tag stays', [tagged('go', 'a', 99), tagged('latest', 'b', 99)], [], []],
    [
      'what somebody else named stays',
      [tagged('1-go-debug', 'a', 99), { ...tagged('1-go', 'b', 99), annotations: {} }],
      [],
      [],
    ],
    [
      'what does not say its age stays',
      [{ ...tagged(staging, 'a', 99), created: Number.POSITIVE_INFINITY }],
      [],
      [],
    ],
    ['nothing there is nothing to do', [], [], []],
  ])('%s', (_, all, tags, digests) => {
    expect(prunable(all, keep)).toEqual({ tags, digests: digests.map(hex) });
  });

  /** cosign's signature of a manifest. */
  const about = (name: string, own: string, kind = '.sig', children: string[] = []): Tagged => ({
    ...tagged(`${hex(name).replace(':', '-')}${kind}`, own, 0, { children }),
    annotations: {},
    created: Number.POSITIVE_INFINITY,
  });
  const old = [tagged(staging, 'a', 31)];
  const kept = [tagged('go', 'b', 99)];
  test.each<[string, Tagged[], string[]]>([
    ['goes with its index', [...old, about('a', 'c')], ['a', 'a1', 'a2', 'c']],
    ['goes with a platform of it', [...old, about('a2', 'c', '.att')], ['a', 'a1', 'a2', 'c']],
    ['of all kinds goes', [...old, about('a', 'c', '.sbom')], ['a', 'a1', 'a2', 'c']],
    [
      'goes as a list of what refers to it, with what is on it',
      [...old, about('a', 'c', '', ['c1'])],
      ['a', 'a1', 'a2', 'c', 'c1'],
    ],
    ['of what stays stays', [...old, ...kept, about('b', 'c')], ['a', 'a1', 'a2']],
    ['of a platform that stays stays', [...old, ...kept, about('b1', 'c')], ['a', 'a1', 'a2']],
    [
      'that what stays has as well stays',
      [...old, ...kept, about('a', 'c'), about('b', 'c')],
      ['a', 'a1', 'a2'],
    ],
    [
      'keeps what it leads to, and is kept by it',
      [...old, ...kept, about('b', 'c', '', ['a']), about('a', 'd')],
      [],
    ],
    ['of what is gone goes', [...kept, about('e', 'c')], ['c']],
    ['of what is not tagged stays', [...kept, about('f', 'c')], []],
  ])('a signature %s', (_, all, digests) => {
    expect(prunable(all, keep, new Set([hex('e')])).digests).toEqual(digests.map(hex));
  });

  test('a count of none keeps no fixed tag for itself', () => {
    expect(prunable([tagged('1-go', 'a', 31)], { ...keep, count: 0 }).tags).toEqual(['1-go']);
  });

  test('an index goes before its children', () => {
    const { digests } = prunable([tagged(staging, 'a', 31), tagged(tested, 'b', 31)], keep);
    expect(digests.slice(0, 2)).toEqual([hex('a'), hex('b')]);
    expect(digests).not.toContain(digest('a'));
  });
});
