import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { folderOnTheWay, placesOf } from '../../../ai-run/host/places.ts';
import { checkKeyPlace } from '../../../ai-run/image/signature.ts';

let root = '';
const at = (...names: string[]): string => join(root, ...names);
const places = (name: string): readonly string[] =>
  placesOf(at(name)).map((place) => place.slice(root.length + 1));

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-places-')));
  for (const name of ['me', 'shared', 'store/deep']) mkdirSync(at(name), { recursive: true });
  writeFileSync(at('store/deep/key'), '');
});
afterEach(() => rmSync(root, { recursive: true }));

test.each<[string, Record<string, string>, string[]]>([
  ['store/deep/key', {}, ['store/deep/key']],
  ['store/./deep/../deep//key', {}, ['store/deep/key']],
  ['store/none/key', {}, ['store/none/key']],
  ['me/key', { 'me/key': '../store/deep/key' }, ['me/key', 'store/deep/key']],
  ['me/key', { 'me/key': '../shared/none' }, ['me/key', 'shared/none']],
  ['me/way/key', { 'me/way': '../store/deep' }, ['me/way', 'store/deep/key']],
  // `..` is the folder above the one that a link leads to.
  ['me/way/../deep/key', { 'me/way': '../store/deep' }, ['me/way', 'store/deep/key']],
  [
    'me/way/key',
    { 'me/way': '../shared/link', 'shared/link': '../store/deep' },
    ['me/way', 'shared/link', 'store/deep/key'],
  ],
  [
    'me/key',
    { 'me/key': 'second', 'me/second': '../shared/third', 'shared/third': '../store/deep/key' },
    ['me/key', 'me/second', 'shared/third', 'store/deep/key'],
  ],
])('%s with the links %j is looked for at each of its places', (path, links, expected) => {
  for (const [name, target] of Object.entries(links)) symlinkSync(target, at(name));
  // Not joined, which would take out the dots.
  const found = placesOf(`${root}/${path}`).map((place) => place.slice(root.length + 1));
  expect(found).toEqual(expected);
});

test('a link to an absolute path is followed, and one that leads to itself has an end', () => {
  symlinkSync(at('store'), at('me/absolute'));
  symlinkSync('loop', at('me/loop'));
  expect(places('me/absolute/deep/key')).toEqual(['me/absolute', 'store/deep/key']);
  expect(new Set(places('me/loop'))).toEqual(new Set(['me/loop', 'me']));
});

test('a folder on the way is found, and no other', () => {
  symlinkSync('../shared/link', at('me/way'));
  symlinkSync('../store/deep', at('shared/link'));
  const all = [at('other'), at('shared2'), at('share'), at('shared')];
  expect(folderOnTheWay(at('me/way/key'), all)).toBe(at('shared'));
  expect(folderOnTheWay(at('me/way/key'), [at('store')])).toBe(at('store'));
  expect(folderOnTheWay(at('me/way/key'), all.slice(0, -1))).toBeUndefined();
  expect(folderOnTheWay(at('me/way/key'), [])).toBeUndefined();
});

/** The message about a key at this path, when one folder is shared. */
const complaint = (path: string, links: Readonly<Record<string, string>>): unknown => {
  for (const [name, target] of Object.entries(links)) symlinkSync(target, at(name));
  const [source, target] = [at('shared'), at('shared')];
  try {
    const mount = { type: 'bind', source, target, readonly: false } as const;
    checkKeyPlace({ kind: 'key', path: at(path) }, [mount], at('me'));
    return undefined;
  } catch (error) {
    return error;
  }
};

test.each<[string, string, Record<string, string>]>([
  ['a file that is shared', 'shared/key', {}],
  ['a file that is not there yet', 'shared/none/key', {}],
  ['a link that is shared', 'shared/key', { 'shared/key': '../store/deep/key' }],
  ['a file behind a shared link', 'shared/way/key', { 'shared/way': '../store/deep' }],
  [
    'a file behind a shared link in the middle',
    'me/way/deep/key',
    { 'me/way': '../shared/way', 'shared/way': '../store' },
  ],
  [
    'a link to a shared link',
    'me/key',
    { 'me/key': '../shared/key', 'shared/key': '../store/deep/key' },
  ],
  ['a link to the home of agents', 'me/key', { 'me/key': '.ai-home/otter/key' }],
])('the key of images is not %s', (_, path, links) => {
  expect(complaint(path, links)).toMatchObject({
    code: 'E_VERIFY',
    message: expect.stringContaining('can change'),
  });
});

test.each<[string, string, Record<string, string>]>([
  ['a file elsewhere', 'store/deep/key', {}],
  ['a link to what no agent has', 'me/key', { 'me/key': '../store/deep/key' }],
])('the key of images may be %s', (_, path, links) => {
  expect(complaint(path, links)).toBeUndefined();
});
