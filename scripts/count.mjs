#!/usr/bin/env node
// Prints one line over all test reports: `N passed, N failed, N skipped`. Skipped tests are named. Fails without any test.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const expected = [
  'unit.json',
  'program.json',
  'e2e.json',
  'escape.json',
  'package.json',
  'endurance.json',
  'bake.json',
  'reliability.json',
];
const files = readdirSync(folder);
const tests = files.flatMap((file) =>
  JSON.parse(readFileSync(join(folder, file), 'utf8')).testResults.flatMap((suite) =>
    suite.assertionResults.length === 0 && suite.status === 'failed'
      ? [{ status: 'failed', fullName: suite.name }]
      : suite.assertionResults,
  ),
);
const count = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;
for (const test of tests) {
  if (!['passed', 'failed'].includes(test.status)) console.log(`skipped: ${test.fullName}`);
}
const missing = expected.filter((file) => !files.includes(file));
for (const file of missing) console.log(`failed: there is no report ${file}`);
const failed = count('failed') + missing.length;
const skipped = tests.length - count('passed', 'failed');
console.log(
  `${count('passed')} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`,
);
process.exitCode = failed > 0 || count('passed') === 0 ? 1 : 0;
