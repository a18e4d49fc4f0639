import { expect, test } from 'vitest';
import { identityOf, parseInspected } from '../../../kernel/image.ts';

const id = `sha256:${'a'.repeat(64)}`;

test('what the engine says of an image is read', () => {
  const Config = { Labels: { 'ai-run.contract': '{}', other: 'x' }, Volumes: { '/data': {} } };
  expect(parseInspected({ Id: id, Os: 'linux', Architecture: 'arm64', Config })).toEqual({
    id,
    platform: 'linux/arm64',
    contract: '{}',
    volumes: ['/data'],
  });
});

test.each([
  ['no configuration', {}],
  ['no labels', { Config: {} }],
  ['null for labels', { Config: { Labels: null, Volumes: null } }],
  ['another label', { Config: { Labels: { 'ai-run.other': '{}' } } }],
  ['a label that is no text', { Config: { Labels: { 'ai-run.contract': 1 } } }],
])('an image with %s has no contract', (_, more) => {
  const image = parseInspected({ Id: id, Os: 'linux', Architecture: 'amd64', ...more });
  expect(image).toEqual({ id, platform: 'linux/amd64', contract: undefined, volumes: [] });
});

test.each([
  [undefined],
  [null],
  ['text'],
  [{}],
  [{ Id: id }],
  [{ Id: 1, Os: 'a', Architecture: 'b' }],
])('%j is no image', (value) => {
  expect(parseInspected(value)).toBeUndefined();
});

test('the last step of its history is an image’s identity', () => {
  expect(identityOf([{ Id: id }, { Id: '<missing>' }])).toBe(id);
});

test.each([
  [undefined],
  [{ message: 'No such image' }],
  [[]],
  [[{ Id: '<missing>' }]],
  [[{ Id: '../x' }]],
])('%j names no image', (history) => {
  expect(identityOf(history)).toBeUndefined();
});
