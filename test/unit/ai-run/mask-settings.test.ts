import { describe, expect, test } from 'vitest';
import { patternMistake, userMasks } from '../../../ai-run/project/mask-settings.rules.ts';

test.each([
  [{}, {}, [], []],
  [{ AI_RUN_MASK: '*.secret, private/ , a' }, {}, ['*.secret', 'private/', 'a'], []],
  [{}, { AI_RUN_MASK: 'a,b c', AI_RUN_UNMASK: '*.pem' }, ['a', 'b', 'c'], ['*.pem']],
  [{ AI_RUN_MASK: 'a' }, { AI_RUN_MASK: 'b', AI_RUN_UNMASK: 'c' }, ['a'], ['c']],
  [{ AI_RUN_MASK: '' }, { AI_RUN_MASK: 'b' }, ['b'], []],
  [{ AI_RUN_MASK: ' , ' }, { AI_RUN_MASK: 'b' }, [], []],
])('the environment %j goes before the file %j', (env, file, add, remove) => {
  expect(userMasks(env, file)).toEqual({ add, remove });
});

test('a mistake is shown with the place it stands in', () => {
  expect(() => userMasks({}, { AI_RUN_UNMASK: '*.pem src/**/x' })).toThrow(
    'AI_RUN_UNMASK in ~/.ai-env: "src/**/x": * matches within one name',
  );
  expect(() => userMasks({ AI_RUN_MASK: '!a' }, {})).toThrow(
    'AI_RUN_MASK in the environment: "!a": put exceptions in unmask, without !',
  );
});

describe('a pattern may be', () => {
  test.each(['.env', '*.pem', '?', 'private/', 'config/prod.yml', '/top', '/top/', 'a b', 'größe'])(
    '%j',
    (text) => {
      expect(patternMistake(text)).toBeUndefined();
    },
  );

  test.each(
    ['', '/', '//', '.', '..', './a', 'a/../b', 'a//b', '../a', '**', 'a/**', '!a'].concat(
      'a\nb',
      'a\u001b[2Jb',
      'a\u202eb',
      'x'.repeat(129),
    ),
  )('no %j', (text) => {
    expect(patternMistake(text)).toBeTypeOf('string');
  });
});
