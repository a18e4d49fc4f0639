import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Entry, parseYaml } from '../../../ai-run/project/yaml.rules.ts';

const file = 'settings.yaml';

/** Our reading, without its lines. */
const plain = (entries: readonly Entry[]): Record<string, unknown> =>
  Object.fromEntries(
    entries.map(({ key, value }) => [
      key,
      'line' in value ? value.value : value.map((one) => one.value),
    ]),
  );

const ours = (text: string): Record<string, unknown> => plain(parseYaml(text, file));
/** The reading of the `yaml` package: YAML 1.2, core schema. */
const theirs = (text: string): unknown => parse(text, { version: '1.2', schema: 'core' }) ?? {};

describe('what is accepted means what it means to another parser', () => {
  test.each<[string, Record<string, unknown>]>([
    ['', {}],
    ['# nothing\n\n   # here\n', {}],
    ['a: b', { a: 'b' }],
    ['a: b\r\nc: d\r\n', { a: 'b', c: 'd' }],
    ['a:   b c  d   # e', { a: 'b c  d' }],
    ['a: b#c', { a: 'b#c' }],
    ['a: b:c', { a: 'b:c' }],
    ['a-b-: 1', { 'a-b-': 1 }],
    ['a: 0\nb: 12.5\nc: 900000000000000', { a: 0, b: 12.5, c: 9e14 }],
    ['a: true\nb: false', { a: true, b: false }],
    ['a: yes\nb: no\nc: on\nd: off', { a: 'yes', b: 'no', c: 'on', d: 'off' }],
    [
      'a: 2g\nb: 1_000\nc: 12:30\nd: 2001-01-01',
      { a: '2g', b: '1_000', c: '12:30', d: '2001-01-01' },
    ],
    ['a: 127.0.0.1\nb: 1e\nc: 0x\nd: 1.2.3', { a: '127.0.0.1', b: '1e', c: '0x', d: '1.2.3' }],
    ['a: <<\nb: =\nc: ~/x', { a: '<<', b: '=', c: '~/x' }],
    ['a: "b # c: \\"d\\" \\\\"', { a: 'b # c: "d" \\' }],
    ["a: 'it''s \\n'", { a: "it's \\n" }],
    ['a: ""', { a: '' }],
    ["a: '' # b", { a: '' }],
    ['a: "true"\nb: "1"\nc: "null"', { a: 'true', b: '1', c: 'null' }],
    ['a: []', { a: [] }],
    ['a: [ ]  # none', { a: [] }],
    ['a: [b, "c, d", \'e]\', 3, true]', { a: ['b', 'c, d', 'e]', 3, true] }],
    ['a: [b#c, d:e, f"g" ]', { a: ['b#c', 'd:e', 'f"g"'] }],
    ['a:\n- b\n- c', { a: ['b', 'c'] }],
    ['a: # why\n  - b # c\n\n# d\n  -   "e"\nf: g', { a: ['b', 'e'], f: 'g' }],
    ['a:\n    - ../lib:ro\n    - 1', { a: ['../lib:ro', 1] }],
    ['a: größe', { a: 'größe' }],
    ['constructor: a', { constructor: 'a' }],
  ])('%j', (text, expected) => {
    expect(ours(text)).toEqual(expected);
    expect(theirs(text)).toEqual(expected);
  });
});

describe('what is refused names its line:', () => {
  test.each([
    ['a: *b', 1, 'put a value that begins with * in quotes'],
    ['a: &b c', 1, 'put a value that begins with & in quotes'],
    ['a: !!str c', 1, 'put a value that begins with ! in quotes'],
    ['a: !b c', 1, 'put a value that begins with ! in quotes'],
    ['a: |\n  b', 1, 'put a value that begins with | in quotes'],
    ['a: >\n  b', 1, 'put a value that begins with > in quotes'],
    ['a: {b: c}', 1, 'put a value that begins with { in quotes'],
    ['a: -1', 1, 'put a value that begins with - in quotes'],
    ['a: @b', 1, 'put a value that begins with @ in quotes'],
    ['a: %b', 1, 'put a value that begins with % in quotes'],
    ['a: b: c', 1, 'put a value that contains a colon and a space in quotes'],
    ['a: b:', 1, 'put a value that contains a colon and a space in quotes'],
    ['---\na: b', 1, 'one document'],
    ['a: b\n...', 2, 'one document'],
    ['%YAML 1.1\n---\na: b', 1, 'one document'],
    ['a: b\n---\na: c', 2, 'one document'],
    ['a:\tb', 1, 'a tab: use spaces'],
    ['a:\n\t- b', 2, 'a tab: use spaces'],
    ['a:\n  b: c', 2, 'only items of a list may be indented'],
    ['a: b\n  c', 2, 'only items of a list may be indented'],
    ['  a: b', 1, 'only items of a list may be indented'],
    ['a: b\nb: c\na: d', 3, 'a: already set on line 1'],
    ['a: b\na: b', 2, 'a: already set on line 1'],
    ['__proto__: b', 1, 'expected "key: value"'],
    ['"a": b', 1, 'expected "key: value"'],
    ['A: b', 1, 'expected "key: value"'],
    ['? a\n: b', 1, 'expected "key: value"'],
    ['null: b', 1, 'expected "key: value"'],
    ['true: b', 1, 'expected "key: value"'],
    ['a : b', 1, 'expected "key: value"'],
    ['a:b', 1, 'expected "key: value"'],
    ['<<: b', 1, 'expected "key: value"'],
    ['just text', 1, 'expected "key: value"'],
    ['{a: b}', 1, 'expected "key: value"'],
    ['- a', 1, 'expected a key without a value above the list'],
    ['a: b\n- c', 2, 'expected a key without a value above the list'],
    ['a: [b]\n- c', 2, 'expected a key without a value above the list'],
    ['a:', 1, 'a: a value is missing'],
    ['b: c\na: # c\n', 2, 'a: a value is missing'],
    ['a:\nb: c', 1, 'a: a value is missing'],
    ['a: ~', 1, 'a value is missing'],
    ['a: null', 1, 'a value is missing'],
    ['a:\n  -\n  - b', 2, 'a value is missing'],
    ['a:\n  - # b', 2, 'put a value that begins with # in quotes'],
    ['a:\n  - - b', 2, 'put a value that begins with - in quotes'],
    ['a:\n  - b: c', 2, 'put a value that contains a colon and a space in quotes'],
    ['a:\n  - [b]', 2, 'put a value that begins with [ in quotes'],
    ['a:\n  - b\n - c', 3, 'indent all items of a list equally'],
    ['a:\n  - b\n    - c', 3, 'indent all items of a list equally'],
    ['a:\n  - b\n    c', 3, 'only items of a list may be indented'],
    ['a:\n  -b', 2, 'only items of a list may be indented'],
    ['a: [b', 1, 'expected , or ]'],
    ['a: [b,\n c]', 1, 'a value is missing'],
    ['a: [b,]', 1, 'a value is missing'],
    ['a: [,b]', 1, 'a value is missing'],
    ['a: [b #c]', 1, 'expected , or ]'],
    ['a: [[b]]', 1, 'put a value that begins with [ in quotes'],
    ['a: [{b: c}]', 1, 'put a value that begins with { in quotes'],
    ['a: [b: c]', 1, 'put a value that contains a colon'],
    ['a: [b:, c]', 1, 'put a value that contains a colon'],
    ['a: ["b": c]', 1, 'expected , or ]'],
    ['a: ["b"c]', 1, 'expected , or ]'],
    ['a: [b] c', 1, 'unexpected text after the value'],
    ['a: [b]#c', 1, 'unexpected text after the value'],
    ['a: "b" c', 1, 'unexpected text after the value'],
    ['a: "b"#c', 1, 'unexpected text after the value'],
    ["a: 'b' c", 1, 'unexpected text after the value'],
    ['a: "b', 1, 'the quote is not closed'],
    ['a: "b\n  c"', 1, 'the quote is not closed'],
    ["a: 'b\n  c'", 1, 'the quote is not closed'],
    [String.raw`a: "\n"`, 1, 'the quote is not closed, or contains \\ before a character'],
    [String.raw`a: "\x1b[2J"`, 1, 'the quote is not closed, or contains \\ before a character'],
    ...[
      '012',
      '+1',
      '0o7',
      '0xff',
      '1e3',
      '.5',
      '5.',
      '.inf',
      '-.inf',
      '.nan',
      'True',
      'FALSE',
    ].map((word): [string, number, string] => [
      `a: ${word}`,
      1,
      word.startsWith('-') ? 'put a value that begins with -' : 'a plain decimal number',
    ]),
    ['a: 9007199254740993', 1, 'a plain decimal number'],
    ['a: b\u001b[2J', 1, 'an invisible character, U+001B'],
    ['# \u0000', 1, 'an invisible character, U+0000'],
    ['a: b\rc: d', 1, 'an invisible character, U+000D'],
    ['a: b\u2028c', 1, 'an invisible character, U+2028'],
    ['a: b\u0085c', 1, 'an invisible character, U+0085'],
    ['a: b\u202ec', 1, 'an invisible character, U+202E'],
    ['a: b\u200bc', 1, 'an invisible character, U+200B'],
    ['a: b\u00a0c', 1, 'an invisible character, U+00A0'],
    ['\ufeffa: b', 1, 'an invisible character, U+FEFF'],
    ['a: \ud800', 1, 'an invisible character, U+D800'],
  ])('%j', (text, line, message) => {
    expect(() => ours(text)).toThrow(
      expect.objectContaining({
        code: 'E_PROJECT_FILE',
        message: expect.stringContaining(`${file}, line ${line}: `) as string,
      }),
    );
    expect(() => ours(text)).toThrow(message);
  });
});

/** Numbers that look like chance and are the same each time: Park and Miller's generator. */
const chance = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
};

// Building blocks of YAML, and the ones that parsers fail on.
const pieces =
  `a|b|key|: |:|- |-|# | #|#|\n|\n|\n|\n- |\n  - |\n    - |\na: |\nb: |\nkey: |\nb:\n|[|]|, |,|{|}|"|"|'|'|''|\\"|\\\\|\\n| |  |true|null|~|1|0|12|1.5|.5|0x1f|1e3|True|&a |*a|!t |? |> |%|@|\`|*.pem|../x:ro|<<|---|...|ß`.split(
    '|',
  );

test('generated documents are read alike, or refused', () => {
  const random = chance(20_261_121);
  let accepted = 0;
  const rounds = 4000;
  for (let round = 0; round < rounds; round++) {
    const keyed = random(4) > 0 ? ['a: ', 'a:\n- ', 'a: [', 'a: "', "a: '"][random(5)] : '';
    const text = `${keyed}${Array.from({ length: random(9) }, () => pieces[random(pieces.length)]).join('')}${['', '\n', ']', '"', "'"][random(5)]}`;
    let read: Record<string, unknown>;
    try {
      read = ours(text);
    } catch {
      continue;
    }
    accepted += Object.keys(read).length > 0 ? 1 : 0;
    expect({ text, read: theirs(text) }).toEqual({ text, read });
  }
  // A parser that refuses everything would pass.
  expect(accepted).toBeGreaterThan(rounds / 20);
});
