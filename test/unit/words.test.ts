import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { passagesOf, readableFiles, wordFaults, wrongWords } from '../support/words.ts';

/** Comments, messages and docs: subject, verb, object; the fact first. `node scripts/words.ts` prints the faults. */

const root = join(import.meta.dirname, '../..');

describe('the rule for words', () => {
  test.each([
    ['// What it does.', 1],
    ['// Reads it. Where it is gone, nothing.', 1],
    ['/** Whoever waits for it hears of it. */', 2],
    ['/**\n * How it goes.\n */', 1],
    ['// The key stands in the file.', 1],
    ['// Undefined where there is none.', 3],
    ['// It is no key.', 1],
    ["throw new UserError('E_X', 'what is given is wrong');", 1],
    ['// Reads what it can where it can.', 0],
    ['// Is it there? It is a stand-in that is no longer used.', 0],
    ["const where = 'there';", 0],
  ])('finds in %j %i', (text, count) => {
    expect(passagesOf('a.ts', text).flatMap(({ text: one }) => wrongWords(one))).toHaveLength(
      count,
    );
  });

  test.each([
    ['Where it stands, nobody knows.', 2],
    ['| a | What it is |\n| - | - |', 1],
    ['```sh\n# What\n```\nIt reads.', 0],
  ])('finds in the page %j %i', (text, count) => {
    expect(passagesOf('a.md', text).flatMap(({ text: one }) => wrongWords(one))).toHaveLength(
      count,
    );
  });
});

test('comments, messages and pages follow it', () => {
  const files = readableFiles(root);
  expect(files.length).toBeGreaterThan(300);
  expect(files.flatMap((path) => wordFaults(root, path))).toEqual([]);
});
