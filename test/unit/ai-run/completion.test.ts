import { describe, expect, test } from 'vitest';
import { lookUp, type Sources } from '../../../ai-run/cli/candidates.rules.ts';
import { program } from '../../../ai-run/cli/commands.rules.ts';
import { candidates } from '../../../kernel/command-completion.ts';

const images = [
  { agent: 'claude', tag: 'base' },
  { agent: 'claude', tag: 'go' },
  { agent: 'gemini', tag: 'php8.4' },
  { agent: '$(touch x)', tag: 'base' },
];
const sources: Sources = {
  images: async () => images,
  sessions: async () => ['claude-shop-3f9a2c', '`touch x`'],
  commits: async () => ['gemini-shop-77aa01'],
};
const after = async (...words: readonly string[]) =>
  (await candidates(program, words, lookUp(sources))).words;

test('the first word is a verb or an agent that is here', async () => {
  const all = await after('');
  expect(all).toEqual(expect.arrayContaining(['doctor', 'setup', 'claude', 'gemini']));
  expect(await after('c')).toEqual(['completion', 'claude']);
});

test('nothing that a shell could run is offered', async () => {
  const all = [...(await after('')), ...(await after('stop', ''))];
  expect(all.filter((word) => /[$`()]/.test(word))).toEqual([]);
  expect(all).toContain('claude-shop-3f9a2c');
});

describe('values', () => {
  test.each([
    [
      ['claude', '--runtime', ''],
      ['base', 'go'],
    ],
    [['--runtime', 'p'], ['php8.4']],
    [['claude', '--lang', 'g'], ['go']],
    [['claude', '--runtime=g'], ['--runtime=go']],
    [['claude', '--runtime', '=', 'g'], ['go']],
    [
      ['claude', '--runtime', '='],
      ['base', 'go'],
    ],
    [
      ['--git', ''],
      ['none', 'shadow', 'live'],
    ],
    [['--pull', 'm'], ['missing']],
    [['--memory', ''], []],
    [['setup', '--shell', 'f'], ['fish']],
    [['setup', '--agents', 'g'], ['gemini']],
  ])('%j are %j', async (words, expected) => {
    expect((await after(...words)).toSorted()).toEqual(expected.toSorted());
  });
});

test.each([
  [['claude', '--wr'], ['--writable-root']],
  [['claude', '--shell', '--wr'], ['--writable-root']],
  [['ps', ''], ['--json']],
  [['attach', ''], ['claude-shop-3f9a2c']],
  [['stop', 'claude-shop-3f9a2c', 'c'], ['claude-shop-3f9a2c']],
  [
    ['stop', '-'],
    ['--all', '--help'],
  ],
  [
    ['git', ''],
    ['list', 'fetch', 'drop'],
  ],
  [['git', 'fetch', ''], ['gemini-shop-77aa01']],
  [['git', 'fetch', 'c'], []],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['claude', '--', '--'], []],
  [['claude', '--', ''], []],
])('after %j: %j', async (words, expected) => {
  expect(await after(...words)).toEqual(expected);
});

test('the engine is asked only where it matters', async () => {
  const silent: Sources = {
    images: () => Promise.reject(new Error('images')),
    sessions: () => Promise.reject(new Error('sessions')),
    commits: () => Promise.reject(new Error('commits')),
  };
  const typed = async (...words: readonly string[]) =>
    (await candidates(program, words, lookUp(silent))).words;
  expect(await typed('claude', '--g')).toEqual(['--git', '--git-credentials', '--gvisor']);
  await expect(typed('')).rejects.toThrow('images');
});

test.each([
  [['claude', '--mount', ''], true],
  [['claude', '--mount='], true],
  [['claude', '--', ''], true],
  [['claude', '--memory', ''], false],
  [['stop', ''], false],
  [['ps', '--', ''], false],
])('after %j, names of files can follow: %j', async (words, files) => {
  expect((await candidates(program, words, lookUp(sources))).files).toBe(files);
});
