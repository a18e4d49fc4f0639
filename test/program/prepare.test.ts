import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** The start of every job of a pipeline; docker and setup are replaced by programs that record their arguments. */

let root = '';
const noted = (name: string): string => join(root, `${name}.txt`);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'prepare-'));
  for (const folder of ['.ci', 'bin', 'scripts']) mkdirSync(join(root, folder));
  copyFileSync(join(import.meta.dirname, '../../.ci/prepare'), join(root, '.ci', 'prepare'));
  const executable = { mode: 0o755 };
  const docker = `#!/bin/sh\n{ echo "$@"; cat; } > '${noted('docker')}'\n`;
  writeFileSync(join(root, 'bin', 'docker'), docker, executable);
  const setup = `#!/bin/sh\necho "$@" > '${noted('setup')}'\n`;
  writeFileSync(join(root, 'scripts', 'setup'), setup, executable);
});
afterAll(() => rmSync(root, { recursive: true }));

const prepare = (env: Record<string, string>): string =>
  execFileSync(join(root, '.ci', 'prepare'), {
    cwd: tmpdir(),
    encoding: 'utf8',
    env: { PATH: `${join(root, 'bin')}:/usr/bin:/bin`, ...env },
  });

test('without credentials, nobody logs in, and the dependencies are installed', () => {
  expect(prepare({ CI_REGISTRY: 'registry.example.com' })).toBe('');
  expect(existsSync(noted('docker'))).toBe(false);
  expect(readFileSync(noted('setup'), 'utf8')).toBe('--dependencies\n');
});

test('the password of the job is given to docker on its standard input, and to nobody else', () => {
  const env = {
    CI_REGISTRY: 'registry.example.com',
    CI_REGISTRY_USER: 'gitlab-ci-token',
    CI_REGISTRY_PASSWORD: 'glcbt-secret $(id)',
  };
  expect(prepare(env)).toBe('');
  expect(readFileSync(noted('docker'), 'utf8')).toBe(
    'login registry.example.com --username gitlab-ci-token --password-stdin\nglcbt-secret $(id)',
  );
});
