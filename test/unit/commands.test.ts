import { describe, expect, test } from 'vitest';
import { candidates, type LookUp } from '../../kernel/command-completion.ts';
import { helpPage } from '../../kernel/command-help.ts';
import { chooseVerb, readVerb } from '../../kernel/command-line.ts';
import { type Program, startName, type Verb } from '../../kernel/commands.ts';
import { UserError } from '../../kernel/error.ts';
import { suggest } from '../../kernel/suggest.ts';

/** A table of commands with each kind of flag and word: parsing, help and completion come from it. */

const build = {
  summary: 'build images',
  words: [{ name: 'agents', help: 'agents by name', optional: true, many: true, from: 'agents' }],
  flags: {
    runtime: { type: 'list', value: 'names', help: 'runtimes', commas: true, from: 'runtimes' },
    env: { type: 'list', value: 'name', help: 'a variable' },
    jobs: { type: 'number', value: 'n', help: 'at a time', minimum: 1, maximum: 64 },
    keep: { type: 'number', value: 'n', help: 'to keep', minimum: 0, maximum: 99, initial: 5 },
    until: { type: 'string', value: 'step', help: 'the last step', choices: ['stage', 'promote'] },
    sign: { type: 'string', value: 'key', help: 'a key' },
    'no-sign': { type: 'boolean', help: 'do not sign' },
    out: { type: 'string', value: 'file', help: 'a file', from: 'files' },
    json: { type: 'boolean', help: 'JSON' },
  },
  examples: [{ line: 'bake build x', note: 'one' }],
} as const satisfies Verb;

const push = {
  summary: 'push images',
  words: [{ name: 'image', help: 'an image' }],
  flags: { registry: { type: 'string', value: 'registry', help: 'a registry', required: true } },
} as const satisfies Verb;

const start = {
  summary: 'start',
  words: [{ name: 'agent', help: 'an agent', from: 'agents' }],
  rest: { name: 'agent arguments', help: 'for the agent' },
  flags: { runtime: { type: 'string', value: 'name', help: 'a runtime', from: 'runtimes' } },
} as const satisfies Verb;

const bake: Program = {
  name: 'bake',
  about: 'Bakes.',
  common: { root: { type: 'string', value: 'folder', help: 'the checkout', from: 'files' } },
  verbs: { build, push, 'git list': { summary: 'list', flags: {} } },
  groups: { git: { summary: 'commits', about: 'Commits.' } },
  examples: [],
  notes: [{ title: 'Exit codes', text: '0 or 2.' }],
};
const run: Program = { ...bake, name: 'run', common: {}, start };

const faultOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.code).toBe('E_USAGE');
    return `${error.message} | ${error.hint}`;
  }
  return 'no fault';
};
const read = (...args: readonly string[]) => readVerb('bake build', build, args);

describe('the verb of a line', () => {
  test.each([
    [['build', 'x'], 'build', ['x']],
    [['--root', '/x', 'build', 'y'], 'build', ['--root', '/x', 'y']],
    [['--root=/x', 'build'], 'build', ['--root=/x']],
    [['git', 'list', 'x'], 'git list', ['x']],
    [['git'], 'git', []],
    [[], undefined, []],
  ])('%j is %j', (line, name, args) => {
    expect(chooseVerb(bake, line)).toEqual({ name, args, instead: undefined });
  });

  test.each([
    [['ps'], startName],
    [['build'], 'build'],
    [['--runtime', 'go', 'build'], startName],
    [[], startName],
  ])('of a program that starts something, %j is %j', (line, name) => {
    expect(chooseVerb(run, line).name).toBe(name);
  });

  test.each([
    [['--help'], undefined, 'help'],
    [['build', '-h'], 'build', 'help'],
    [['build', '--json', '--help', '--jobs'], 'build', 'help'],
    [['git', '--help'], 'git', 'help'],
    [['git', 'list', '-h'], 'git list', 'help'],
    [['build', '--', '--help'], 'build', undefined],
    [['--version'], undefined, 'version'],
    [['build', '-V'], 'build', 'version'],
  ])('%j asks %j for %j', (line, name, instead) => {
    expect(chooseVerb(bake, line)).toMatchObject({ name, instead });
  });

  test.each([
    [['biuld'], 'bake: unknown verb "biuld" | did you mean bake build? (bake --help)'],
    [['gti'], 'bake: unknown verb "gti" | did you mean bake git? (bake --help)'],
    [['help'], 'bake: unknown verb "help" | did you mean bake --help? (bake --help)'],
    [['xyz', '--bad'], 'bake: unknown verb "xyz" | bake --help'],
    [['git', 'lits'], 'bake: unknown verb "git lits" | did you mean bake git list? (bake --help)'],
    [['--rot', 'x'], 'bake: unknown flag "--rot" | did you mean --root? (bake --help)'],
    [['git', '--json'], 'bake git: unknown flag "--json" | bake git --help'],
  ])('%j is refused: %s', (line, fault) => {
    expect(faultOf(() => chooseVerb(bake, line))).toBe(fault);
  });
});

describe('flags and words', () => {
  test('are read in any order', () => {
    expect(read('x', '--jobs', '3', 'y', '--json', '--until=stage')).toEqual({
      values: { jobs: 3, keep: 5, json: true, until: 'stage' },
      words: ['x', 'y'],
      rest: [],
    });
  });

  test('lists take repetition, and commas if the table says so', () => {
    const { values } = read('--runtime', 'a,b', '--runtime=c,', '--env', 'A,B', '--env', 'C');
    expect(values).toEqual({ keep: 5, runtime: ['a', 'b', 'c'], env: ['A,B', 'C'] });
  });

  test('the later one of a flag and its opposite counts', () => {
    expect(read('--sign', 'k', '--no-sign').values).toEqual({ keep: 5, 'no-sign': true });
    expect(read('--no-sign', '--sign', 'k').values).toEqual({ keep: 5, sign: 'k' });
  });

  test('words after -- are words, unless the table names them', () => {
    expect(read('x', '--', '--json').words).toEqual(['x', '--json']);
    expect(readVerb('run', start, ['a', '--', '--json', '--', ''])).toEqual({
      values: {},
      words: ['a'],
      rest: ['--json', '--', ''],
    });
  });

  test('a value that looks like a flag is taken behind =', () => {
    expect(read('--sign=--json', '--out', '-').values).toMatchObject({ sign: '--json', out: '-' });
  });

  test.each([
    [['--jsn'], 'unknown flag "--jsn" | did you mean --json? (bake build --help)'],
    [['--sign', '--json', '--jsn'], 'unknown flag "--jsn" | did you mean --json?'],
    [['-x'], 'unknown flag "-x" | bake build --help'],
    [['--json=yes'], '--json takes no value, got "yes" | bake build --help'],
    [['--sign'], '--sign needs a value | write --sign <key> (bake build --help)'],
    [
      ['--sign', '--json'],
      '--sign needs a value, but "--json" follows | write --sign <key>, or --sign=--json if this is the value',
    ],
    [['--sign', '--', 'x'], '--sign needs a value, but "--" follows | write --sign <key> ('],
    [['--sign='], '--sign has an empty value: "" | write --sign <key>, or leave it out'],
    [['--sign', ''], '--sign has an empty value: "" | write --sign <key>, or leave it out'],
    [['--runtime', ','], '--runtime has an empty value: "," | write --runtime <names>'],
    [['--sign', 'a', '--sign', 'b'], '--sign is repeated: "a" and "b" | give it once'],
    [['--jobs', '1', '--jobs=2'], '--jobs is repeated: 1 and "2" | give it once'],
    [['--jobs', '0'], '--jobs: expected a whole number from 1 to 64, got "0" |'],
    [['--jobs', '-1'], '--jobs: expected a whole number from 1 to 64, got "-1" |'],
    [['--jobs', '0x10'], '--jobs: expected a whole number from 1 to 64, got "0x10" |'],
    [['--until', 'stge'], '--until: expected stage, promote, got "stge" | did you mean stage?'],
    [['--until', 'x'], '--until: expected stage, promote, got "x" | bake build --help'],
  ])('%j is refused: %s', (args, fault) => {
    expect(faultOf(() => read(...args))).toContain(`bake build: ${fault}`);
  });

  test.each([
    [['i'], '--registry <registry> is required | a registry (bake push --help)'],
    [['--registry', 'r'], '<image> is missing | name an image (bake push --help)'],
    [['--registry', 'r', 'i', 'j'], 'takes <image> only: "j" | bake push --help'],
  ])('of another verb, %j is refused: %s', (args, fault) => {
    expect(faultOf(() => readVerb('bake push', push, args))).toBe(`bake push: ${fault}`);
  });

  test.each([
    [['a', '--continue'], 'unknown flag "--continue" | agent arguments go after -- (run --help)'],
    [['a', 'fix it'], 'takes <agent> only: "fix it" | agent arguments go after -- (run --help)'],
    [[], '<agent> is missing | name an agent (run --help)'],
  ])('of a start, %j is refused: %s', (args, fault) => {
    expect(faultOf(() => readVerb('run', start, args))).toBe(`run: ${fault}`);
  });
});

test.each([
  ['lsit', ['list', 'plan'], 'list'],
  ['dry', ['dry-run', 'jobs'], 'dry-run'],
  ['LIST', ['list'], 'list'],
  ['xyz', ['list', 'plan'], undefined],
  ['', ['list'], undefined],
  ['p', ['plan', 'publish'], undefined],
])('%j among %j means %j', (word, words, meant) => {
  expect(suggest(word, words)).toBe(meant);
});

describe('a page of help', () => {
  const pages = [undefined, startName, 'build', 'push', 'git', 'git list'];

  test.each(pages)('of %j fits 100 columns', (name) => {
    for (const line of helpPage(run, name).split('\n')) expect(line.length).toBeLessThan(100);
  });

  test('of a verb names its flags, words and examples', () => {
    expect(helpPage(bake, 'build')).toBe(`Usage: bake build [flags] [agents...]

Build images.

Words:
  [agents...]  agents by name

Flags:
  --runtime <names>  runtimes (comma-separated, or repeated)
  --env <name>       a variable (repeatable)
  --jobs <n>         at a time
  --keep <n>         to keep (default: 5)
  --until <step>     the last step
  --sign <key>       a key
  --no-sign          do not sign
  --out <file>       a file
  --json             JSON
  --root <folder>    the checkout
  -h, --help         show this page

Examples:
  bake build x  one`);
  });

  test('breaks long lines below their column', () => {
    const help = 'word '.repeat(60).trim();
    const flags = { long: { type: 'boolean', help } } as const;
    const page = helpPage({ ...bake, verbs: { x: { summary: 'x', flags } } }, 'x');
    const [first = '', second = ''] = page.split('\n').filter((line) => line.includes('word'));
    expect(first).toMatch(/^ {2}--long +word/);
    expect(second.search(/\S/)).toBe(first.indexOf('word'));
  });
});

describe('completion', () => {
  const asked: string[] = [];
  const lookUp: LookUp = async (source, words) => {
    asked.push(`${source} ${words.join(',')}`);
    return source === 'runtimes' ? ['base', 'go'] : ['claude', 'gemini', '$(x)'];
  };
  const after = (program: Program, ...typed: string[]) => candidates(program, typed, lookUp);

  test.each([
    [[''], ['build', 'push', 'git']],
    [['--'], ['--root', '--version', '--help']],
    [['--root', '/x', 'pu'], ['push']],
    [['git', ''], ['list']],
    [
      ['build', '--r'],
      ['--runtime', '--root'],
    ],
    [['build', 'cl'], ['claude']],
    [
      ['build', 'claude', '--until', ''],
      ['stage', 'promote'],
    ],
    [['build', '--runtime', 'base,'], ['base,go']],
    [['build', '--runtime=base,g'], ['--runtime=base,go']],
    [['build', '--runtime', '=', 'b'], ['base']],
    [['--root', 'x', 'build', '--until', 'p'], ['promote']],
    [['build', '--jobs', ''], []],
    [['build', '--', 'x', ''], []],
  ])('after %j: %j', async (typed, words) => {
    expect((await after(bake, ...typed)).words).toEqual(words);
  });

  test.each([
    [['build', '--out', ''], true],
    [['--root', ''], true],
    [['build', '--sign', ''], false],
  ])('after %j, names of files can follow: %j', async (typed, files) => {
    expect((await after(bake, ...typed)).files).toBe(files);
  });

  test('only offers verbs as the first word of a program that starts something', async () => {
    expect((await after(run, 'b')).words).toEqual(['build']);
    expect((await after(run, '--runtime', 'go', '')).words).toEqual(['claude', 'gemini']);
    expect((await after(run, 'claude', '')).words).toEqual(['--runtime']);
  });

  test('tells a source the words before, and asks no other source', async () => {
    asked.length = 0;
    await after(run, 'claude', '--runtime', '');
    expect(asked).toEqual(['runtimes claude']);
  });
});
