import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Home, makeHome } from './home.ts';

/** Answers of docker that are not what was asked for: each is one clear error. */

let home: Home;

beforeAll(() => {
  home = makeHome();
});
afterAll(() => home.remove());

const row = JSON.stringify({ ID: 'sha256:1', Repository: 'ai-otter', Tag: 'go', Size: '1MB' });

/** A docker that gives these answers to the commands that begin with these words. */
const answer = (answers: Readonly<Record<string, string>>): void => {
  const cases = Object.entries(answers).map(
    ([words, text]) => `'${words}'*) printf '%s\\n' '${text}' ;;`,
  );
  home.program('docker', `case "$*" in\n${cases.join('\n')}\nesac`);
};

const refusal = (from: string, fault: string): unknown => ({
  code: 1,
  stdout: '',
  stderr: expect.stringMatching(
    new RegExp(
      `^error\\[E_ANSWER\\]: unexpected answer from ${from}: ${fault}\\nhint: check \`docker version\`.*\\n$`,
    ),
  ),
});

describe('a list of sessions', () => {
  test.each([
    ['<html>', 'it is not JSON'],
    ['["c0ffee"', 'it is not JSON'],
    ['{"ID":"c0ffee"}', 'its fields are unknown'],
    ['["c0ffee","running"]', 'its fields are unknown'],
    ['[1,2,3,4,5,6,7]', 'its fields are unknown'],
    ['null', 'its fields are unknown'],
  ])('that is %s is refused', async (text, fault) => {
    answer({ ps: text });
    for (const words of [['ps'], ['stop', 'a'], ['attach', 'a']])
      expect(await home.aiRun(...words), words[0]).toEqual(refusal('docker ps', fault));
  });

  test('that is empty has no sessions', async () => {
    answer({ ps: '' });
    expect(await home.aiRun('ps', '--json')).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
  });

  test('is read', async () => {
    answer({ ps: JSON.stringify(['c0ffee', 'running', 'now', 'a', 'otter', '/p', 'host 1 2 3']) });
    const { code, stdout } = await home.aiRun('ps', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, [{ name: 'a', container: 'c0ffee' }]]);
  });
});

describe('a list of images', () => {
  test.each([
    ['<html>', 'it is not JSON'],
    ['{}', 'ID: .*'],
    ['[]', 'Invalid input.*'],
  ])('that is %s is refused', async (text, fault) => {
    answer({ 'image ls': text });
    expect(await home.aiRun('list')).toEqual(refusal('docker image ls', fault));
  });

  test.each([
    ['', 'it is empty'],
    ['<html>', 'it is not JSON'],
    ['{"Id":1}', 'Id: .*'],
  ])('is refused if %j describes an image', async (text, fault) => {
    answer({ 'image ls': row, 'image inspect': text });
    expect(await home.aiRun('list')).toEqual(refusal('docker image inspect', fault));
  });

  test('that is empty has no images', async () => {
    answer({ 'image ls': '' });
    const { code, stdout } = await home.aiRun('list', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { images: [] }]);
  });

  test('is read', async () => {
    answer({ 'image ls': row, 'image inspect': '{"Id":"sha256:1"}' });
    const { code, stdout } = await home.aiRun('list', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { images: [{ image: 'ai-otter:go' }] }]);
  });
});
