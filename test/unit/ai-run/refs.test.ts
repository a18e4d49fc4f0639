import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  changedRefs,
  formatRefs,
  isRefName,
  parseRef,
  parseRefs,
} from '../../../ai-run/git/refs.rules.ts';

const id = (digit: string): string => digit.repeat(40);

/** git's own verdict on a name. */
const gitTakes = (name: string): boolean => {
  try {
    execFileSync('git', ['check-ref-format', name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

describe('names of refs', () => {
  test.each([
    'refs/heads/main',
    'refs/heads/a/b-c_d.e',
    'refs/heads/ä✓',
    'refs/heads/-x',
    'refs/heads/@',
    'refs/heads/a{b}',
    'refs/heads/.hidden',
    'refs/heads/a/.b',
    'refs/heads/a.lock',
    'refs/heads/a.lock/b',
    'refs/heads/a..b',
    'refs/../../etc',
    'refs/heads/a b',
    'refs/heads/a~1',
    'refs/heads/a^',
    'refs/heads/a:b',
    'refs/heads/a?',
    'refs/heads/a*',
    'refs/heads/a[b',
    'refs/heads/a\\b',
    'refs/heads/a@{b',
    'refs/heads/a/',
    'refs/heads//a',
    'refs/heads/a.',
    'refs/heads/\u007f',
    'refs/heads/\u001b[2J',
  ])('%j is judged as git judges it', (name) => {
    expect(isRefName(name)).toBe(gitTakes(name));
  });

  test('what does not stand below refs/ is none', () => {
    expect(isRefName('HEAD')).toBe(false);
    expect(isRefName('/etc/passwd')).toBe(false);
  });
});

test('packed refs are read without their comments, peeled tags and bad names, and written back', () => {
  const text = `# pack-refs with: peeled\n${id('a')} refs/heads/main\n${id('b')} refs/tags/v1\n^${id('c')}\n${id('d')} refs/../x\nzz refs/heads/z\n`;
  const refs = parseRefs(text);
  expect([...refs]).toEqual([
    ['refs/heads/main', id('a')],
    ['refs/tags/v1', id('b')],
  ]);
  expect(parseRefs(formatRefs(refs))).toEqual(refs);
});

test.each([
  [`${id('a')}\n`, { id: id('a') }],
  ['ref: refs/heads/main\n', { ref: 'refs/heads/main' }],
  ['ref: ../../etc/passwd\n', undefined],
  ['root:x:0:0', undefined],
  ['', undefined],
])('the file of a ref that holds %j is read as %j', (text, expected) => {
  expect(parseRef(text)).toEqual(expected);
});

describe('what an agent committed', () => {
  const before = new Map([
    ['refs/heads/main', id('1')],
    ['refs/heads/old', id('2')],
    ['refs/tags/v1', id('3')],
  ]);
  const after = (changes: Readonly<Record<string, string>>) =>
    new Map([...before, ...Object.entries(changes)]);

  test.each([
    ['nothing', {}, undefined, []],
    ['a moved branch', { 'refs/heads/main': id('4') }, undefined, ['moved main']],
    ['a new branch', { 'refs/heads/a/b': id('4') }, undefined, ['new a/b']],
    ['a new tag', { 'refs/tags/v2': id('4') }, undefined, ['new tags/v2']],
    ['a stash', { 'refs/stash': id('4') }, undefined, ['new stash']],
    ['what was fetched from elsewhere is not', { 'refs/remotes/o/x': id('4') }, undefined, []],
    ['a detached HEAD', {}, id('4'), ['new detached-head']],
    ['a detached HEAD on a known commit is not', {}, id('2'), []],
    [
      'two that cannot stand side by side',
      { 'refs/heads/tags': id('4'), 'refs/tags/v2': id('5') },
      undefined,
      ['new tags', 'new tags-/v2'],
    ],
    [
      'a folder and its like',
      { 'refs/heads/x/y': id('4'), 'refs/heads/x': id('5') },
      undefined,
      ['new x/y', 'new x-'],
    ],
    [
      'a branch that is called like the stash',
      { 'refs/heads/stash': id('4'), 'refs/stash': id('5'), 'refs/tags/v2': id('6') },
      id('7'),
      ['new stash', 'new detached-head', 'new stash-', 'new tags/v2'],
    ],
  ])('%s', (_, refs, detached, expected) => {
    const changes = changedRefs(before, after(refs), detached);
    expect(changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual(expected);
  });
});
