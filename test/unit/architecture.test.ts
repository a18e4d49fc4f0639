import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { architecturePage, headerOf, page, sourceFiles } from '../../scripts/architecture.ts';

/** Rooms in which a source has no header yet: the list only gets shorter. */
const pending: readonly string[] = [];

const isIn = (room: string, path: string): boolean => path === room || path.startsWith(`${room}/`);

test('docs/architecture.md lists the files of today (npm run architecture writes it)', () => {
  const present = readFileSync(page, 'utf8');
  expect(present).toBe(architecturePage(present));
});

describe('every source starts with a header of one line, at most 120 characters, and an empty line', () => {
  const files = sourceFiles();
  const bare = files.filter((path) => headerOf(path) === undefined);

  test('there are sources', () => {
    expect(files.length).toBeGreaterThan(200);
  });

  test('outside the pending rooms', () => {
    expect(bare.filter((path) => !pending.some((room) => isIn(room, path)))).toEqual([]);
  });

  test('a room with all its headers leaves the list', () => {
    expect(pending.filter((room) => !bare.some((path) => isIn(room, path)))).toEqual([]);
  });
});
