import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Writes the seconds that the files of each suite took, by .bakery/reports, into the last column of docs/testing.md. */

const Report = z.object({
  project: z.string(),
  files: z.array(z.object({ seconds: z.number().optional() })),
});

const root = join(import.meta.dirname, '..');
const folder = join(root, '.bakery/reports');
const page = join(root, 'docs/testing.md');

const seconds = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => Report.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))))
    .map(({ project, files }) => [
      project,
      files.reduce((all, one) => all + (one.seconds ?? 0), 0),
    ]),
);
const written = readFileSync(page, 'utf8').replaceAll(
  /^(\| (\S+) +\| +\d* +\|) +\d* +\|$/gm,
  (line, start: string, suite: string) => {
    const measured = seconds.get(suite);
    return measured === undefined ? line : `${start} ${String(Math.round(measured)).padStart(5)} |`;
  },
);
writeFileSync(page, written);
