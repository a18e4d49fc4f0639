import { spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const gate = readFileSync(join(root, '.ci/run'), 'utf8');

test('the gate finds one test command in the README, after its mark', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, block] = /^<!-- test -->\n+```sh\n([^]*?)^```$/m.exec(readme) ?? [];
  expect(block).toBe('./scripts/setup --install-engine && npm test\n');
  expect(gate).toContain('/^<!-- test -->$/,/^```$/p');
});

/** A copy of the gate, with the suites of this text. */
const copyOf = (suites: string): string => {
  const copy = mkdtempSync(join(tmpdir(), 'gate-'));
  for (const path of ['.ci/run', 'scripts/suites.ts', 'package.json', 'test/support/reporter.ts'])
    cpSync(join(root, path), join(copy, path), { recursive: true });
  writeFileSync(join(copy, 'vitest.config.ts'), suites);
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
};
const suitesOf = (text: string): string[] => {
  const copy = copyOf(text);
  try {
    const { stdout, stderr } = spawnSync(join(copy, '.ci/run'), ['--list'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.trim().split('\n');
  } finally {
    rmSync(copy, { recursive: true });
  }
};

test('the gate runs every folder of tests, and a suite that is taken away is missed', () => {
  const folders = new Set(
    globSync('test/**/*.test.ts', { cwd: root }).map((path) => path.split('/')[1]),
  );
  expect(folders.size).toBeGreaterThan(5);
  const text = readFileSync(join(root, 'vitest.config.ts'), 'utf8');
  expect(new Set(suitesOf(text))).toEqual(folders);
  const less = text.replace("'package', ", '');
  expect(less).not.toBe(text);
  expect(new Set(suitesOf(less))).toEqual(new Set([...folders].filter((one) => one !== 'package')));
});

const suites = (which: string): string[] =>
  spawnSync(process.execPath, [join(root, 'scripts/suites.ts'), which], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n');

test('the suites that the gate lists are those that it runs and counts', () => {
  const all = globSync('test/*/*.test.ts', { cwd: root }).map((path) => path.split('/')[1]);
  expect(new Set([...suites('basic'), ...suites('long')])).toEqual(new Set(all));
  expect(gate).toContain('reports+=($basic)');
  expect(gate).toContain('reports+=($long)');
  expect(gate).toContain("$(printf -- '--project=%s ' $long)");
});

const folder = mkdtempSync(join(tmpdir(), 'count-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Test = 'passed' | 'failed' | 'skipped';
const report = (name: string, status: string, ...tests: readonly Test[]): void => {
  const entries = tests.map((one) => ({ status: one, fullName: `it ${one}` }));
  const note = status === 'skipped' ? { note: 'late' } : {};
  const files = [{ name: `${name}.test.ts`, status, seconds: 12, ...note, tests: entries }];
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ project: name, files }));
};
report('good', 'passed', 'passed', 'skipped');
report('bad', 'failed', 'passed', 'failed');
// A file whose set-up fails, one that was killed, and one that was not begun.
report('broken', 'failed', 'skipped');
report('killed', 'unended');
report('late', 'skipped');

test.each([
  [['good'], 0, ['skipped: it skipped', '1 passed, 0 failed, 1 skipped']],
  [
    ['good', 'late'],
    0,
    ['skipped: it skipped', 'skipped: late.test.ts (late)', '1 passed, 0 failed, 2 skipped'],
  ],
  [['bad'], 1, ['failed: it failed', '1 passed, 1 failed']],
  [
    ['good', 'broken'],
    1,
    [
      'skipped: it skipped',
      'skipped: it skipped',
      'failed: broken.test.ts (its set-up failed)',
      '1 passed, 1 failed, 2 skipped',
    ],
  ],
  [
    ['good', 'killed'],
    1,
    [
      'skipped: it skipped',
      'failed: killed.test.ts (it did not end)',
      '1 passed, 1 failed, 1 skipped',
    ],
  ],
  [
    ['bad', 'gone'],
    1,
    ['failed: it failed', 'failed: missing report gone.json', '1 passed, 2 failed'],
  ],
  [['late'], 1, ['skipped: late.test.ts (late)', '0 passed, 0 failed, 1 skipped']],
])('the count of %j ends with %i', (words, code, said) => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'scripts/count.mjs'), folder, ...words],
    { encoding: 'utf8' },
  );
  const lines = stdout.trimEnd().split('\n');
  expect([status, lines.filter((line) => !/^ *\d+ s {2}/.test(line))]).toEqual([code, said]);
  // Every report that there is, and every file that took long, has a line with its seconds.
  for (const name of words.filter((word) => word !== 'gone'))
    expect(stdout).toContain(`   12 s  ${name}\n         12 s  ${name}.test.ts\n`);
});
