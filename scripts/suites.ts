import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import config from '../vitest.config.ts';

/**
 * Prints the suites of tests, which are vitest's projects: `suites.ts all`, `suites.ts basic` (those that `npm test` runs),
 * `suites.ts long` (the others). The gate takes its list from here.
 */

const Projects = z.array(z.object({ test: z.object({ name: z.string() }) }));
const Package = z.object({ scripts: z.record(z.string(), z.string()) });

const all = Projects.parse(config.test?.projects).map(({ test }) => test.name);
const { scripts } = Package.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')),
);
const basic = projectsOf('test');
const lists = new Map([
  ['all', all],
  ['basic', basic],
  ['long', all.filter((name) => !basic.includes(name))],
]);
const list = lists.get(process.argv[2] ?? '');
if (list === undefined) {
  console.error('Usage: suites.ts all|basic|long');
  process.exitCode = 2;
} else console.log(list.join('\n'));

/** The projects that a script of package.json runs, by itself and through the scripts that it calls. */
function projectsOf(script: string): string[] {
  const text = scripts[script] ?? '';
  const own = [...text.matchAll(/--project[= ](\S+)/g)].map(([, name = '']) => name);
  const called = [...text.matchAll(/npm run (\S+)/g)].map(([, name = '']) => name);
  return [...own, ...called.flatMap(projectsOf)];
}
