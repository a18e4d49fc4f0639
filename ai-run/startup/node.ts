/** Ends the program at once, with one line, on a Node that is too old. The first import of every entry. */
import { nodeProblem } from '@ai-bakery/kernel/node-version.ts';

const problem = nodeProblem('ai-run', process.versions.node);
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
