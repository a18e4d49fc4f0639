/** The first import of every entry: ends the program with one line if Node is too old. */

import { nodeProblem } from '@ai-bakery/kernel/node-version.ts';

const problem = nodeProblem('ai-run', process.versions.node);
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
