import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startName } from '../../../kernel/commands.ts';
import { helpPage } from '../../../kernel/command-help.ts';
import { messageOf } from '../../../kernel/error.ts';
import { readOptions } from '../../../ai-run/settings/options.rules.ts';
import { harden } from '../../../kernel/policy.ts';
import { parseProjectFile } from '../../../ai-run/project/parse-project-file.rules.ts';
import { flagsOf, overlay, summary, unsaid } from '../../../ai-run/project/project-flags.rules.ts';
import { program, type RunFlags } from '../../../ai-run/cli/commands.rules.ts';
import { fileWidenings } from '../../../ai-run/project/widening.rules.ts';

const usual = harden({ user: { uid: 1000, gid: 1000 }, limits: { cpus: 2 } });
const widens = (text: string, flags: RunFlags = {}): string[] =>
  fileWidenings(unsaid(parseProjectFile(text), flags), usual);

const messageOfUnknownKey = (): string => {
  try {
    parseProjectFile('unknown: x');
  } catch (error) {
    return messageOf(error);
  }
  return '';
};

describe('what narrows, or says what holds anyway, needs no approval:', () => {
  test.each([
    '',
    'runtime: go',
    'runtime: php8.4',
    'memory: 512m',
    'memory: 4g',
    'memory: 4096m',
    'memory: 4294967296',
    'memory: 1.5g',
    'cpus: 1',
    'cpus: 0.5',
    'cpus: 2',
    'pids: 64',
    'pids: 1024',
    'network: none',
    'network: bridge',
    'git: none',
    'git: shadow',
    'gvisor: true',
    'gvisor: false',
    'writable-root: false',
    'mask: ["*.secret", private/]',
    'mask: []',
    'unmask: []',
    'env: []',
    'mounts: []',
  ])('%j', (text) => {
    expect(widens(text)).toEqual([]);
  });
});

describe('what widens is said, one line each:', () => {
  test.each([
    ['memory: 8g', 'memory: the agent may use 8 GiB'],
    ['memory: 4294967297', 'memory: the agent may use 4 GiB'],
    ['cpus: 2.5', 'cpus: the agent may use 2.5 processors'],
    ['pids: 1025', 'pids: the agent may start 1025 processes'],
    ['join: shop_default', 'join: the agent reaches every container of network shop_default'],
    [
      'git: live',
      'git live: files that the agent leaves in .git can run on your machine as soon as git runs there',
    ],
    ['writable-root: true', 'writable-root: the agent may change the files of its image'],
    ['unmask: [".env", "*.pem"]', 'unmask: the agent may read ".env", "*.pem"'],
    ['env: [A_KEY, B_KEY]', 'env: the agent gets A_KEY, B_KEY, if set'],
    ['mounts: ["/lib"]', 'mounts: the agent reaches /lib:rw as well'],
    ['mounts: ["/lib:ro"]', 'mounts: the agent reaches /lib:ro as well'],
  ])('%j', (text, line) => {
    expect(widens(text)).toEqual([line]);
  });
});

describe('what is wrong is one error with line, key, what was expected and what stands there:', () => {
  const keys =
    'runtime, memory, cpus, pids, network, join, git, gvisor, writable-root, mask, unmask, env, mounts';
  test.each([
    ['# x\nmemry: 1g', `line 2: unknown key "memry": expected one of ${keys}`],
    ['constructor: x', 'line 1: unknown key "constructor"'],
    ['privileged: true', 'line 1: unknown key "privileged"'],
    ['oci-runtime: runc', 'line 1: unknown key "oci-runtime"'],
    ['image-source: registry', 'line 1: unknown key "image-source"'],
    [
      'runtime: 1.2.3-go',
      'line 1: runtime: expected the name of a runtime, like go, got "1.2.3-go"',
    ],
    ['runtime: stg-0123', 'line 1: runtime: expected the name'],
    ['runtime: ../x', 'line 1: runtime: expected the name'],
    ['runtime: go@sha256', 'line 1: runtime: expected the name'],
    ['runtime: 8', 'line 1: runtime: expected the name of a runtime, like go, got 8'],
    ['runtime: [go]', 'line 1: runtime: expected the name of a runtime, like go, got a list'],
    ['memory: 5m', 'line 1: memory: expected 6m or more, like 512m or 8g, got "5m"'],
    ['memory: lots', 'line 1: memory: expected 6m or more, like 512m or 8g, got "lots"'],
    ['memory: true', 'line 1: memory: expected 6m or more, like 512m or 8g, got true'],
    ['memory: 0', 'line 1: memory: expected'],
    ['cpus: 0', 'line 1: cpus: expected a number above 0, got 0'],
    ['cpus: all', 'line 1: cpus: expected a number above 0, got "all"'],
    ['pids: 1.5', 'line 1: pids: expected a whole number above 0, got 1.5'],
    ['pids: "-1"', 'line 1: pids: expected a whole number above 0, got "-1"'],
    ['network: host', 'line 1: network: expected bridge, none, got "host"'],
    ['network: [none]', 'line 1: network: expected bridge, none, got a list'],
    ['network: "container:x"', 'line 1: network: expected bridge, none, got "container:x"'],
    ['join: host', 'line 1: join: expected the name of a network, got "host"'],
    ['join: "container:x"', 'line 1: join: expected the name of a network'],
    ['network: none\njoin: shop', 'line 2: join: expected one of network and join, got both'],
    ['git: public', 'line 1: git: expected none, shadow, live, got "public"'],
    ['gvisor: yes', 'line 1: gvisor: expected true or false, got "yes"'],
    ['gvisor: 1', 'line 1: gvisor: expected true or false, got 1'],
    ['writable-root: "true"', 'line 1: writable-root: expected true or false, got "true"'],
    ['mask: .env', 'line 1: mask: expected a list of patterns like "*.pem", got ".env"'],
    ['mask:\n  - a\n  - 1', 'line 3: mask: expected a pattern like "*.pem", got 1'],
    ['mask:\n  - "a/../b"', 'line 2: mask: "a/../b": expected a name like *.pem'],
    ['unmask: ["**"]', 'line 1: unmask: "**": * matches within one name'],
    ['unmask: ["!.env"]', 'line 1: unmask: "!.env": put exceptions in unmask, without !'],
    [
      'env: [PATH]',
      'line 1: env: PATH cannot be passed on: it changes the commands that shells run',
    ],
    ['env: [LD_PRELOAD]', 'line 1: env: LD_PRELOAD cannot be passed on'],
    ['env: [AI_RUN_UNMASK]', 'line 1: env: AI_RUN_UNMASK cannot be passed on'],
    ['env: [TOKEN=hunter2]', 'line 1: env: expected the name of a variable, without its value'],
    ['mounts: ../lib', 'line 1: mounts: expected a list of folders like "../lib:ro", got "../lib"'],
    ['mounts: [":ro"]', 'line 1: mounts: expected a folder like "../lib:ro", got ":ro"'],
    ['mounts: [""]', 'line 1: mounts: expected a folder'],
    [
      `mounts: [${'x'.repeat(513)}]`,
      `line 1: mounts: expected a folder like "../lib:ro", got "${'x'.repeat(59)}…`,
    ],
    [`mask: [${'x, '.repeat(32)}x]`, 'line 1: mask: expected at most 32 items, got 33'],
    ['memory: *x', 'line 1: put a value that begins with * in quotes'],
  ])('%j', (text, message) => {
    expect(() => parseProjectFile(text)).toThrow(
      expect.objectContaining({ code: 'E_PROJECT_FILE' }),
    );
    expect(() => parseProjectFile(text)).toThrow(`.ai-run.yaml, ${message}`);
  });

  test('a value that may be a secret is not shown', () => {
    expect(() => parseProjectFile('env: [TOKEN=hunter2]')).not.toThrow('hunter2');
  });
});

const options = (text: string, flags: RunFlags) =>
  readOptions(overlay(flagsOf(unsaid(parseProjectFile(text), flags)), flags), 'claude', []);

describe('the command line wins:', () => {
  test('what it does not say is as the file has it', () => {
    const text =
      'runtime: go\nmemory: 1g\ncpus: 1\npids: 64\nnetwork: none\ngit: none\ngvisor: true\nenv: [A]\nmounts: ["/lib:ro"]\nwritable-root: true';
    expect(options(text, {})).toMatchObject({
      runtime: 'go',
      limits: { memory: 2 ** 30, cpus: 1, pids: 64 },
      network: { mode: 'none' },
      git: 'none',
      ociRuntime: 'runsc',
      env: ['A'],
      mounts: ['/lib:ro'],
      writableRoot: true,
    });
    expect(options('join: shop', {}).network).toEqual({ mode: 'named', name: 'shop' });
  });

  test.each<[string, RunFlags, object]>([
    ['runtime: go', { runtime: 'base' }, { runtime: 'base' }],
    ['runtime: go', { lang: 'php8.4' }, { runtime: 'php8.4' }],
    ['memory: 16g', { memory: '8g' }, { limits: { memory: 2 ** 33 } }],
    ['cpus: 8', { cpus: '1' }, { limits: { cpus: 1 } }],
    ['pids: 9999', { pids: '10' }, { limits: { pids: 10 } }],
    ['network: none', { network: 'bridge' }, { network: { mode: 'bridge' } }],
    ['network: none', { join: 'shop' }, { network: { mode: 'named', name: 'shop' } }],
    ['join: shop', { network: 'none' }, { network: { mode: 'none' } }],
    ['join: shop', { join: 'other' }, { network: { mode: 'named', name: 'other' } }],
    ['git: live', { git: 'none' }, { git: 'none' }],
    ['gvisor: true', { 'oci-runtime': 'runc' }, { ociRuntime: 'runc' }],
    ['gvisor: true', { gvisor: true }, { ociRuntime: 'runsc' }],
    ['writable-root: true', { 'writable-root': true }, { writableRoot: true }],
    ['env: [A]', { env: ['A'] }, { env: ['A'] }],
    ['unmask: [".env"]', { 'no-mask': true }, { mask: false }],
  ])('%j with %j, and needs no approval', (text, flags, expected) => {
    expect(options(text, flags)).toMatchObject(expected);
    expect(widens(text, flags)).toEqual([]);
  });

  test('of lists, both hold, and what only the file says needs one', () => {
    const flags = { env: ['A'], mount: ['/a'] };
    expect(options('env: [A, B]\nmounts: ["/b"]', flags)).toMatchObject({
      env: ['B', 'A'],
      mounts: ['/b:rw', '/a'],
    });
    expect(widens('env: [A, B]', flags)).toEqual(['env: the agent gets B, if set']);
  });
});

test('the help and the documentation name every key, and no other', () => {
  const keys = /expected one of (.*)$/.exec(messageOfUnknownKey())?.[1]?.split(', ') ?? [];
  expect(keys).toHaveLength(13);
  const root = join(import.meta.dirname, '../../..');
  const page = readFileSync(join(root, 'docs/project-file.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, key]) => key),
  );
  expect(new Set(named)).toEqual(new Set(keys));
  const [, section = ''] = /^Project: (.*?)^Masks: /ms.exec(helpPage(program, startName)) ?? [];
  for (const key of keys) expect(section).toMatch(new RegExp(String.raw`\s${key}[\s,]`));
});

test('the example of the README is one', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const [, example = ''] = /```yaml\n(runtime: [^]*?)```/.exec(readme) ?? [];
  expect(widens(example)).toEqual(['mounts: the agent reaches ../lib:ro as well']);
});

test('a file is shown in one line', () => {
  expect(summary(parseProjectFile('memory: 1g\ngvisor: true\nmask: [a, b]\nenv: []'))).toBe(
    'memory 1g, gvisor true, mask (2)',
  );
});
