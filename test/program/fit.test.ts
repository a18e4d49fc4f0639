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
