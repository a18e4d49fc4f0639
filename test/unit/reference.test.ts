import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Visitor } from 'oxc-parser';
import { describe, expect, test } from 'vitest';
import { program as aiRun } from '../../ai-run/cli/commands.rules.ts';
import { program as bakery } from '../../bakery/cli/commands.rules.ts';
import { helpPage } from '../../kernel/command-help.ts';
import { type Flags, type Program, startName } from '../../kernel/commands.ts';
import { referencePage } from '../../scripts/reference.ts';
import { readSources, type Source } from '../support/sources.ts';
import { wrongWords } from '../support/words.ts';

/** The tables of commands, docs/reference.md, and the code that reads the flags. */

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/reference.md'), 'utf8');

const flagsOf = ({ common, start, verbs }: Program): Flags =>
  Object.assign({}, common, start?.flags, ...Object.values(verbs).map(({ flags }) => flags));

/** As the code of bakery spells flags: `no-test` is `test`. */
const camel = (flag: string): string =>
  flag.replace(/^no-/, '').replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Every name and text of a program's code, but its table. */
const wordsOf = (name: string): Set<string> => {
  const found = new Set<string>();
  for (const { path, program } of readSources(root, [name])) {
    if (path.endsWith('cli/commands.rules.ts')) continue;
    new Visitor({
      Identifier: ({ name: word }) => void found.add(word),
      Literal: ({ value }) => void (typeof value === 'string' && found.add(value)),
    }).visit(program);
  }
  return found;
};

const isFlags = (name: string): boolean => name === 'flags' || name === 'values';

/** The properties that code reads of `flags` and `values`. */
const readOf = ({ program }: Source): string[] => {
  const found: string[] = [];
  new Visitor({
    MemberExpression: ({ object, property, computed }) => {
      if (object.type !== 'Identifier' || !isFlags(object.name)) return;
      if (property.type === 'Identifier' && !computed) found.push(property.name);
      if (property.type === 'Literal') found.push(String(property.value));
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier' || !isFlags(init.name)) return;
      for (const one of id.properties)
        if (one.type === 'Property' && one.key.type === 'Identifier') found.push(one.key.name);
    },
  }).visit(program);
  return found;
};

test('docs/reference.md is what the tables say today (npm run reference writes it)', () => {
  expect(page).toBe(referencePage());
});

describe.each([aiRun, bakery])('of $name', (program) => {
  const flags = flagsOf(program);
  const names = Object.keys(flags);

  test('every flag is documented, with its meaning', () => {
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) expect(page).toMatch(new RegExp(`\\| \`(?:-\\w, )?--${name}[ \`]`));
  });

  test('every flag that code reads is in the table', () => {
    const known = new Set([...names, ...names.map(camel)]);
    // Added by the command line itself; the last one is a method of lists.
    const added = ['signal', 'agents', 'ids', 'testOnly', 'push'];
    const sources = readSources(root, [program.name]).filter(({ path }) =>
      /^(?:bakery\/cli\/|ai-run\/(?:cli|settings|setup)\/)/.test(path),
    );
    const read = sources.flatMap(readOf);
    expect(read.length).toBeGreaterThan(15);
    expect(read.filter((name) => !known.has(name) && !added.includes(name))).toEqual([]);
  });

  test('every flag of the table is read by code', () => {
    const words = wordsOf(program.name);
    expect(names.filter((name) => !words.has(name) && !words.has(camel(name)))).toEqual([]);
  });

  test('every verb has a page, an example that names it, and plain words', () => {
    const verbs = [...Object.keys(program.verbs), ...(program.start ? [startName] : [])];
    for (const verb of verbs) {
      const help = helpPage(program, verb);
      expect(help, verb).toMatch(new RegExp(`^Usage: ${program.name} ${verb}`));
      expect(help, verb).toMatch(new RegExp(`^Examples:\\n.*${program.name} ${verb}`, 'm'));
      expect(wrongWords(help), verb).toEqual([]);
      for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    }
  });
});

test('a flag that the code reads and the table lacks is found', () => {
  const [source] = readSources(root, ['bakery']).filter(
    ({ path }) => path === 'bakery/cli/build.ts',
  );
  expect(source && readOf(source)).toEqual(expect.arrayContaining(['dryRun', 'junit', 'jobs']));
});
