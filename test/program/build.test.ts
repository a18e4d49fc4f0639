import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** `ai-run --build` calls a program named bakery, and an engine that has no image: both are small programs here. */

const checkout = resolve(import.meta.dirname, '../..');
const cli = join(checkout, 'ai-run/cli/cli.ts');
let root: string;

const program = (path: string, script: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
};
const bakery = (folder: string, code = 0): void =>
  program(
    join(root, folder, 'bakery'),
    `printf '[%s]' "$0" "$@"; echo progress; echo more >&2; exit ${code}`,
  );

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ai-run-build-')));
  mkdirSync(join(root, 'projects/shop'), { recursive: true });
  mkdirSync(join(root, 'home'));
  writeFileSync(join(root, 'home/.ai-workspaces'), `${root}/projects\n`, { mode: 0o600 });
  program(join(root, 'engine/docker'), 'echo "No such image" >&2; exit 1');
});
afterEach(() => rmSync(root, { recursive: true }));

const aiRun = (
  path: readonly string[],
  args: readonly string[] = ['--build', 'claude', '--runtime', 'go', '--platform', 'linux/amd64'],
  file = cli,
) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: join(root, 'projects/shop'),
    env: {
      HOME: join(root, 'home'),
      PATH: [...path, join(root, 'engine'), '/usr/bin', '/bin'].join(':'),
    },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

const called = (file: string, ...before: readonly string[]): string =>
  [file, ...before, 'build', 'claude', '--runtime', 'go', '--platform', 'linux/amd64']
    .map((word) => `[${word}]`)
    .join('');

test('bakery is called, what it says goes to standard error, and the local image is looked for', () => {
  bakery('bin');
  expect(aiRun([join(root, 'bin')])).toEqual({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^\[.*progress\nmore\nerror\[E_NO_IMAGE\]: the engine has no image ai-claude:go/,
    ),
  });
  expect(aiRun([join(root, 'bin')]).stderr).toContain(called(join(root, 'bin/bakery')));
});

test('without --build it is not', () => {
  bakery('bin');
  const { stderr } = aiRun([join(root, 'bin')], ['claude', '--runtime', 'go']);
  expect(stderr).toMatch(/^error\[E_NO_IMAGE\]: the engine has no image ai-claude:go/);
});

test('bakery builds from the catalogue that it comes with', () => {
  bakery('package/bin');
  writeFileSync(join(root, 'package/bakery.yaml'), '');
  writeFileSync(join(root, 'projects/shop/bakery.yaml'), '');
  expect(aiRun([join(root, 'package/bin')]).stderr).toContain(
    called(join(root, 'package/bin/bakery'), '--root', join(root, 'package')),
  );
});

test('where it fails, no image is looked for', () => {
  bakery('bin', 3);
  const { status, stderr } = aiRun([join(root, 'bin')]);
  expect(status).toBe(1);
  expect(stderr).toContain(
    'more\nerror[E_BUILD]: bakery could not build ai-claude:go: exit code 3\n',
  );
  expect(stderr).not.toContain('the engine has no image');
});

test('a bakery in the project is not run where PATH names it relatively; it is, where it is named absolutely', () => {
  bakery('projects/shop');
  const project = join(root, 'projects/shop');
  expect(aiRun(['.', '']).stderr).not.toContain(called(join(project, 'bakery')));
  expect(aiRun([project]).stderr).toContain(called(join(project, 'bakery')));
});

test('without one on PATH, it is the one of the same package', () => {
  const { status, stderr } = aiRun([], ['--build', 'no-such-agent']);
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /no-such-agent[^]*error\[E_BUILD\]: bakery could not build ai-no-such-agent:base/,
  );
});

test('without any, it says so in one sentence', () => {
  const alone = join(root, 'ai-run.mjs');
  const bundled = spawnSync(
    join(checkout, 'node_modules/.bin/rolldown'),
    [cli, '--file', alone, '--platform', 'node', '--no-codeSplitting', '--log-level', 'warn'],
    { cwd: checkout, encoding: 'utf8' },
  );
  expect(bundled.status, bundled.stderr).toBe(0);
  expect(aiRun([], ['--build', 'claude'], alone).stderr).toMatch(
    /^error\[E_NO_BAKERY\]: --build: bakery is neither on PATH nor beside ai-run\nhint: /,
  );
});
