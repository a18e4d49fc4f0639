#!/usr/bin/env node
/** Starts bakery, unless this Node is too old to read its sources: then prints one line that names both versions. */

import { nodeProblem } from '@ai-bakery/kernel/node-version.ts';

const problem = nodeProblem('bakery', process.versions.node);
if (problem === undefined) await import('./cli.ts');
else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
