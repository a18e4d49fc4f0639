import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readableFiles } from '../support/words.ts';

/** Commands that pages and messages give a reader to type. */

const root = join(import.meta.dirname, '../..');

/** The lines of code blocks, and whole texts of other files, that run a package by name through npx. */
const throughNpx = (path: string, text: string): string[] => {
  const typed = path.endsWith('.md')
    ? [...text.matchAll(/^```[^\n]*\n([^]*?)^```/gm)].map(([, block = '']) => block).join('\n')
    : text;
  return [...typed.matchAll(/\bnpx (?:-\S+ )*([a-z@][\w@/-]*)/g)].map(([, name = '']) => name);
};

test.each([
  ['a.md', '```sh\nnpx ai-run gemini\n```\n', ['ai-run']],
  ['a.md', '`npx ai-run` asks the registry.\n', []],
  ['a.ts', "'run npx -y ai-run gemini'", ['ai-run']],
])('in %s, %j runs %j', (path, text, names) => {
  expect(throughNpx(path, text)).toEqual(names);
});

test('no page or message runs ai-run through npx: outside the checkout, that is another package of this name', () => {
  const own = readableFiles(root).filter((path) => !/^(?:test|\.ci)\//.test(path));
  const found = own.filter((path) =>
    throughNpx(path, readFileSync(join(root, path), 'utf8')).includes('ai-run'),
  );
  expect(found).toEqual([]);
});
