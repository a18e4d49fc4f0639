import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import config from '../../vitest.config.ts';

const root = join(import.meta.dirname, '../..');
const gate = readFileSync(join(root, '.ci/run'), 'utf8');

test('the gate finds one test command in the README, after its mark', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, block] = /^<!-- test -->\n+```sh\n([^]*?)^```$/m.exec(readme) ?? [];
  expect(block).toBe('./scripts/setup --install-engine && npm test\n');
  expect(gate).toContain('/^<!-- test -->$/,/^```$/p');
});

test('the gate runs all tests that there are', () => {
  const names = (config.test?.projects ?? []).flatMap((project) => {
    const name = typeof project === 'object' && 'test' in project ? project.test?.name : undefined;
    return typeof name === 'string' ? [name] : [];
  });
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(gate).toMatch(new RegExp(String.raw`\b${name}\b`));
});

const folder = mkdtempSync(join(tmpdir(), 'count-'));
afterAll(() => rmSync(folder, { recursive: true }));

const report = (name: string, status: string, ...assertions: readonly string[]): void => {
  const assertionResults = assertions.map((one) => ({ status: one, fullName: `it ${one}` }));
  const testResults = [{ name: `${name}.test.ts`, status, assertionResults }];
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ testResults }));
};
report('good', 'passed', 'passed', 'skipped');
report('bad', 'failed', 'passed', 'failed');
// A file that could not be loaded has no tests.
report('broken', 'failed');

test.each([
  [['good'], 0, 'skipped: it skipped\n1 passed, 0 failed, 1 skipped\n'],
  [
    ['good', '--skipped=late'],
    0,
    'skipped: it skipped\nskipped: late\n1 passed, 0 failed, 2 skipped\n',
  ],
  [['bad'], 1, '1 passed, 1 failed\n'],
  [['bad', 'broken'], 1, '1 passed, 2 failed\n'],
  [['bad', 'gone'], 1, 'failed: there is no report gone.json\n1 passed, 2 failed\n'],
  [['--skipped=late'], 1, 'skipped: late\n0 passed, 0 failed, 1 skipped\n'],
])('the count of %j ends with %i', (words, code, said) => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'scripts/count.mjs'), folder, ...words],
    { encoding: 'utf8' },
  );
  expect([status, stdout]).toEqual([code, said]);
});
