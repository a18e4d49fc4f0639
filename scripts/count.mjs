#!/usr/bin/env node
// count.mjs FOLDER NAME… [--skipped=TEXT…]
// Prints one line over the test reports of these names: `N passed, N failed, N skipped`. What was skipped is named, a test or,
// by TEXT, a whole report. Fails where a test failed or a report is missing, and without any test.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...words] = process.argv.slice(2);
const mark = '--skipped=';
const unbegun = words
  .filter((word) => word.startsWith(mark))
  .map((word) => word.slice(mark.length));
const names = words.filter((word) => !word.startsWith(mark));

const pathOf = (name) => join(folder, `${name}.json`);
const there = names.filter((name) => existsSync(pathOf(name)));
const missing = names.filter((name) => !there.includes(name));
const tests = there.flatMap((name) =>
  JSON.parse(readFileSync(pathOf(name), 'utf8')).testResults.flatMap((suite) =>
    suite.assertionResults.length === 0 && suite.status === 'failed'
      ? [{ status: 'failed', fullName: suite.name }]
      : suite.assertionResults,
  ),
);
const count = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;

const skipped = [
  ...tests
    .filter(({ status }) => !['passed', 'failed'].includes(status))
    .map(({ fullName }) => fullName),
  ...unbegun,
];
for (const name of skipped) console.log(`skipped: ${name}`);
for (const name of missing) console.log(`failed: there is no report ${name}.json`);
const failed = count('failed') + missing.length;
console.log(
  `${count('passed')} passed, ${failed} failed${skipped.length === 0 ? '' : `, ${skipped.length} skipped`}`,
);
process.exitCode = failed > 0 || count('passed') === 0 ? 1 : 0;
