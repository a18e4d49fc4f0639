import { describe, expect, test } from 'vitest';
import { carryText, carryValues, isOwnFile, pick } from '../../../ai-run/home/carried.rules.ts';

describe('of a user’s settings', () => {
  const settings = JSON.stringify({
    model: 'm',
    ui: { theme: 'dark', width: 80, footer: { hidden: true } },
    names: ['a', 'b'],
    mixed: ['a', { command: 'evil' }],
    nothing: null,
    hooks: { PreToolUse: [{ command: 'evil' }] },
  });

  test.each([
    ['what is listed', ['model', 'ui.theme'], { model: 'm', 'ui.theme': 'dark' }],
    [
      'numbers, choices and lists of texts',
      ['ui.width', 'ui.footer.hidden', 'names'],
      { 'ui.width': 80, 'ui.footer.hidden': true, names: ['a', 'b'] },
    ],
    ['no objects: they can hold anything', ['ui', 'hooks', 'mixed'], {}],
    ['nothing that is not there', ['x', 'ui.x', 'model.x', 'nothing', 'names.0'], {}],
    ['nothing that every object has', ['constructor', 'constructor.name', 'toString'], {}],
    ['nothing that is not listed', [], {}],
  ])('%s', (_, keys, expected) => {
    expect(pick(settings, keys)).toEqual(expected);
  });

  test.each(['', '[]', 'null', '"x"', '{ "a": 1, }', '// comment\n{}'])('%j is none', (text) => {
    expect(pick(text, ['a'])).toBeUndefined();
  });
});

const carried = (file: unknown, before: object, values: object) => {
  const text = file === undefined ? undefined : JSON.stringify(file);
  const result = carryValues(
    text,
    before as Record<string, string>,
    values as Record<string, string>,
  );
  return result === undefined ? undefined : [JSON.parse(result.text), result.carried];
};

describe('in the agent’s own file', () => {
  test.each([
    [
      'there is no file',
      undefined,
      {},
      { 'ui.theme': 'a', m: 1 },
      { ui: { theme: 'a' }, m: 1 },
      { 'ui.theme': 'a', m: 1 },
    ],
    ['a value is missing', { x: 1 }, {}, { m: 'a' }, { x: 1, m: 'a' }, { m: 'a' }],
    ['the agent has said something else', { m: 'mine' }, {}, { m: 'a' }, { m: 'mine' }, {}],
    ['it is as it was carried', { m: 'a' }, { m: 'a' }, { m: 'b' }, { m: 'b' }, { m: 'b' }],
    ['the agent has changed it', { m: 'mine' }, { m: 'a' }, { m: 'b' }, { m: 'mine' }, { m: 'a' }],
    ['the agent has removed it', {}, { m: 'a' }, { m: 'b' }, {}, { m: 'a' }],
    ['the user has removed it', { m: 'a', x: 1 }, { m: 'a' }, {}, { x: 1 }, {}],
    ['both have removed it', { x: 1 }, { m: 'a' }, {}, { x: 1 }, { m: 'a' }],
    ['the whole file was removed', undefined, { m: 'a' }, { m: 'a' }, { m: 'a' }, { m: 'a' }],
    ['a list is as it was', { l: ['a'] }, { l: ['a'] }, { l: ['b'] }, { l: ['b'] }, { l: ['b'] }],
    ['the agent has an object there', { m: { x: 1 } }, {}, { m: 'a' }, { m: { x: 1 } }, {}],
  ])('%s', (_, file, before, values, expected, remembered) => {
    expect(carried(file, before, values)).toEqual([expected, remembered]);
  });

  test('what is in the way of a value stays', () => {
    expect(carried({ ui: 'x' }, {}, { 'ui.theme': 'a' })?.[0]).toEqual({ ui: 'x' });
  });

  test('nothing is written anew where nothing changes', () => {
    const file = '{"m":"a",\n\n"x":1}';
    expect(carryValues(file, { m: 'a' }, { m: 'a' })?.text).toBe(file);
    expect(carryValues(file, {}, { x: 2 })?.text).toBe(file);
  });

  test('a file that is no JSON is left alone', () => {
    expect(carryValues('// mine\n{}', {}, { m: 'a' })).toBeUndefined();
  });

  test.each([
    ['there is none', undefined, undefined, 'new', 'new', 'new'],
    ['it is as it was carried', 'old', 'old', 'new', 'new', 'new'],
    ['it is the same', 'new', undefined, 'new', 'new', 'new'],
    ['the agent wrote one', 'mine', undefined, 'new', 'mine', undefined],
    ['the agent changed it', 'mine', 'old', 'new', 'mine', 'old'],
  ])('a text: %s', (_, file, before, text, expected, remembered) => {
    expect(carryText(file, before, text)).toEqual({ text: expected, carried: remembered });
  });
});

test.each([
  ['.otter/settings.json', 'json', true],
  ['.otter.json', 'json', true],
  ['.otter.conf.yml', 'yaml', true],
  ['.config/otter/otter.json', 'json', true],
  ['.otter/OTTER.md', 'text', true],
  ['.otter/id_rsa', 'text', false],
  ['.otterbox/settings.json', 'json', false],
  ['.ssh/id_ed25519', 'text', false],
  ['.docker/config.json', 'json', false],
  ['.config/gcloud/credentials.json', 'json', false],
  ['.config', 'json', false],
  ['notes.md', 'text', false],
] as const)('an image of otter may ask for %s as %s: %s', (path, format, expected) => {
  expect(isOwnFile('otter', { path, format, keys: [] })).toBe(expected);
});
