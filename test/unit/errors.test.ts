import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Visitor } from 'oxc-parser';
import { describe, expect, test } from 'vitest';
import { errorCodes } from '../../kernel/error-codes.ts';
import type { ErrorEntry } from '../../kernel/error-codes.ts';
import { errorsPage } from '../../scripts/errors.ts';
import { readSources } from '../support/sources.ts';
import { wrongWords } from '../support/words.ts';

/** The table of error codes, the codes in the sources, and docs/errors.md. */

const root = join(import.meta.dirname, '../..');
const table: readonly [string, ErrorEntry][] = Object.entries(errorCodes);

/** Codes that a program throws or prints, with the packages that do. */
const used = new Map<string, Set<string>>();
for (const { path, program } of readSources(root, ['kernel', 'ai-run', 'bakery'])) {
  if (path === 'kernel/error-codes.ts') continue;
  const [owner = ''] = path.split('/');
  const add = (code: string): void => {
    used.set(code, (used.get(code) ?? new Set()).add(owner));
  };
  const take = (text: unknown): void => {
    if (typeof text !== 'string') return;
    if (/^E_[A-Z_]+$/.test(text)) add(text);
    for (const [, code] of text.matchAll(/error\[(E_[A-Z_]+)\]/g)) add(code ?? '');
  };
  new Visitor({
    Literal: ({ value }) => take(value),
    TemplateElement: ({ value }) => take(value.cooked),
  }).visit(program);
}

describe('the table of error codes', () => {
  test('has every code of the sources, and no other', () => {
    expect([...used.keys()].toSorted()).toEqual(Object.keys(errorCodes));
  });

  test('is in the order of the alphabet', () => {
    const codes = Object.keys(errorCodes);
    expect(codes).toEqual(codes.toSorted());
  });

  test('names the programs that throw a code', () => {
    const wrong = table.flatMap(([code, { program }]) => {
      const owners = used.get(code) ?? new Set();
      const ours = ['ai-run', 'bakery'].filter((one) => owners.has(one));
      const right = ours.length === 2 ? program === 'both' : ours.every((one) => one === program);
      // A code of the kernel belongs to each program that calls the kernel there.
      return right || program === 'both' ? [] : [`${code}: ${program}, thrown by ${ours.join()}`];
    });
    expect(wrong).toEqual([]);
  });

  test.each(table)('explains %s in plain sentences', (_code, { meaning, remedy }) => {
    for (const text of remedy === undefined ? [meaning] : [meaning, remedy]) {
      expect(text).toMatch(/^[`A-Z].*\.$/);
      expect(wrongWords(text)).toEqual([]);
    }
  });
});

test('docs/errors.md is what the table says (npm run errors writes it)', () => {
  expect(readFileSync(join(root, 'docs/errors.md'), 'utf8')).toBe(errorsPage());
});
