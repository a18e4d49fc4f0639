import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { z as zod } from 'zod';
import { parseAnswer, parseJson, textsOf } from '../../kernel/json.ts';

/** JSON of other programs: a typed value, or one clear error. */

const shapes = {
  'a schema': zod.object({ id: zod.string() }),
  'a small schema': z.object({ id: z.string() }),
  'a function': (value: unknown) => {
    const { id } = textsOf(value) ?? {};
    return id === undefined ? undefined : { id };
  },
};

describe.each(Object.entries(shapes))('by %s', (_, shape) => {
  test('JSON of its shape is the value', () => {
    expect(parseJson('{"id":"a"}', shape)).toEqual({ id: 'a' });
    expect(parseAnswer('{"id":"a"}', shape, 'docker ps')).toEqual({ id: 'a' });
  });

  test.each([
    ['', /^unexpected answer from docker ps: it is empty$/],
    [' \n', /: it is empty$/],
    ['{"id":', /: it is not JSON$/],
    ['{"id":"a"}{"id":"b"}', /: it is not JSON$/],
    ['{}', /: (?:id: .*|its fields are unknown)$/],
    ['{"id":1}', /: (?:id: .*|its fields are unknown)$/],
    ['null', /: (?:Invalid input.*|its fields are unknown)$/],
    ['[]', /: (?:Invalid input.*|its fields are unknown)$/],
    ['"id"', /: (?:Invalid input.*|its fields are unknown)$/],
  ])('%j is refused', (text, message) => {
    expect(parseJson(text, shape)).toBeUndefined();
    expect(() => parseAnswer(text, shape, 'docker ps', 'update docker')).toThrow(
      expect.objectContaining({
        code: 'E_ANSWER',
        message: expect.stringMatching(message) as string,
        hint: 'update docker',
      }),
    );
  });
});

test('without a shape, JSON is what it is', () => {
  expect(parseJson('[1,null]')).toEqual([1, null]);
  expect(parseJson('null')).toBeNull();
  expect(parseJson('no')).toBeUndefined();
});

test.each([[{ a: 1 }], [['a']], [null], ['a'], [{ a: undefined }]])('%j is no texts', (value) => {
  expect(textsOf(value)).toBeUndefined();
});

test('keys that JavaScript knows are texts like others', () => {
  const texts = textsOf(parseJson('{"__proto__":"a","constructor":"b"}'));
  expect(Object.entries(texts ?? {})).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
});
