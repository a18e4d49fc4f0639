import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The table of start-up tricks, ai-run/startup/README.md, and the marks of these tricks in the sources. */

const root = join(import.meta.dirname, '../../..');

type Mark = { readonly trick: string; readonly file: string };

/** The rows of the table: a trick, its milliseconds, its files and its reason. */
const rows = readFileSync(join(root, 'ai-run/startup/README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [trick = '', milliseconds = '', files = '', reason = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    return { trick: trick.replaceAll('`', ''), milliseconds, files: words(files), reason };
  });

/** The texts between backticks. */
function words(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}

function marksOf(file: string, text: string): Mark[] {
  return [...text.matchAll(/Startup trick `([^`]+)`/g)].map(([, trick = '']) => ({ trick, file }));
}

const sources = globSync('{ai-run,kernel}/**/*.ts', { cwd: root })
  .filter((path) => !/\/(?:dist|node_modules)\//.test(path))
  .concat('rolldown.config.ts');
const marks = sources.flatMap((file) => marksOf(file, readFileSync(join(root, file), 'utf8')));

const unique = (all: readonly Mark[]): string[] =>
  [...new Set(all.map(({ trick, file }) => `${trick} in ${file}`))].toSorted();

describe('the table of start-up tricks', () => {
  test('has rows', () => {
    expect(rows.length).toBeGreaterThan(9);
    expect(marks.length).toBeGreaterThan(9);
  });

  test('names each trick once, with milliseconds and a reason', () => {
    expect(new Set(rows.map(({ trick }) => trick)).size).toBe(rows.length);
    for (const { milliseconds, reason } of rows) {
      expect(milliseconds).toMatch(/^\d/);
      expect(reason.length).toBeGreaterThan(20);
    }
  });

  test('names the files in which the tricks are marked, and no others', () => {
    const listed = rows.flatMap(({ trick, files }) => files.map((file) => ({ trick, file })));
    expect(unique(marks)).toEqual(unique(listed));
  });

  test('lists every source of the room', () => {
    const room = globSync('ai-run/startup/*.ts', { cwd: root }).filter(
      (path) => !path.endsWith('/node.ts'),
    );
    const listed = rows.flatMap(({ files }) => files);
    expect(room.filter((path) => !listed.includes(path))).toEqual([]);
  });
});

test('a mark is found wherever a comment has it', () => {
  expect(marksOf('a.ts', '/** Startup trick `a`: b. */\n// Rest. Startup trick `c`.\n')).toEqual([
    { trick: 'a', file: 'a.ts' },
    { trick: 'c', file: 'a.ts' },
  ]);
});
