#!/usr/bin/env node
// count.mjs FOLDER NAME…
// Prints the seconds that each suite and each of its files took, by the reports of these names, then every test that was skipped
// or failed, then one line: `N passed, N failed, N skipped`. A report that is missing and a file that did not end count as failed.
// Exits with 1 if anything failed, and if nothing passed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...names] = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };

for (const name of names) {
  const path = join(folder, `${name}.json`);
  if (existsSync(path)) count(JSON.parse(readFileSync(path, 'utf8')));
  else add('failed', `missing report ${name}.json`);
}

const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`;
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;

function add(status, name, note) {
  counts[status] += 1;
  if (status !== 'passed')
    console.log(`${status}: ${name}${note === undefined ? '' : ` (${note})`}`);
}

function count({ project, files }) {
  const sum = files.reduce((all, { seconds = 0 }) => all + seconds, 0);
  console.log(`${String(Math.round(sum)).padStart(5)} s  ${project}`);
  for (const { name, seconds } of files.toSorted((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0)))
    if (seconds >= 10) console.log(`${String(Math.round(seconds)).padStart(11)} s  ${name}`);
  for (const { name, status, note, tests } of files) {
    for (const test of tests) add(test.status, test.fullName, test.note);
    // A file without a result of its own: its set-up failed, it was killed, or it was not begun.
    if (status === 'unended') add('failed', name, 'it did not end');
    else if (status === 'skipped' && tests.length === 0) add('skipped', name, note);
    else if (status === 'failed' && tests.every((test) => test.status !== 'failed'))
      add('failed', name, 'its set-up failed');
  }
}
