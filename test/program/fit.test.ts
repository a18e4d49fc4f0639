import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkEngine } from '../../ai-run/engine/fit.ts';

/** The memory of an engine's answers; a `docker` on PATH answers for it, and records each question. */

let home: string;
const at = (name: string): string => join(home, name);

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ai-run-fit-'));
  writeFileSync(at('docker'), `#!/bin/sh\necho "$1" >> '${at('asked')}'\necho '{}'\n`);
  chmodSync(at('docker'), 0o755);
  vi.stubEnv('PATH', `${home}${delimiter}${process.env['PATH']}`);
  // Any file will do: it is only looked at.
  vi.stubEnv('DOCKER_HOST', `unix://${at('docker')}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const questions = (): number => readFileSync(at('asked'), 'utf8').trim().split('\n').length;

test('an engine that was found fit is not asked again', async () => {
  await checkEngine(home);
  await checkEngine(home);
  expect(questions()).toBe(2);
});

test('where that cannot be noted, it is asked each time', async () => {
  writeFileSync(at('.ai-run'), '');
  await checkEngine(home);
  await checkEngine(home);
  expect(questions()).toBe(4);
});

test.each([
  ['', 'it is empty'],
  ['<html>', 'it is not JSON'],
  ['null', 'its fields are unknown'],
  ['"fine"', 'its fields are unknown'],
  ['{"SecurityOptions":"name=rootless"}', 'its fields are unknown'],
])('an engine that describes itself as %j is refused, and not found fit', async (text, fault) => {
  writeFileSync(at('docker'), `#!/bin/sh\nprintf '%s' '${text}'\n`);
  for (let start = 0; start < 2; start++)
    // oxlint-disable-next-line no-await-in-loop -- the second start must not trust the first
    await expect(checkEngine(home)).rejects.toThrow(
      expect.objectContaining({
        code: 'E_ANSWER',
        message: `unexpected answer from docker info: ${fault}`,
      }),
    );
});
