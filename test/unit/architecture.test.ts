import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { architecturePage, headerOf, page, sourceFiles } from '../../scripts/architecture.ts';

test('docs/architecture.md lists the files of today (npm run architecture writes it)', () => {
  const present = readFileSync(page, 'utf8');
  expect(present).toBe(architecturePage(present));
});

test('every source starts with a header of one line, at most 120 characters, and an empty line', () => {
  const files = sourceFiles();
  expect(files.length).toBeGreaterThan(200);
  expect(files.filter((path) => headerOf(path) === undefined)).toEqual([]);
});
