#!/usr/bin/env node
import { nodeProblem } from '@ai-bakery/kernel/node-version.ts';

/** Starts bakery, unless this Node is too old to read it: then one line says so. */

const problem = nodeProblem('bakery', process.versions.node);
if (problem === undefined) await import('./cli.ts');
else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
