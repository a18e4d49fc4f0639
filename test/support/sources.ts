/** The sources of the programs, and the texts in them, as a parser sees them. */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';

/** A source file with its syntax tree. */
export type Source = {
  readonly path: string;
  readonly program: ReturnType<typeof parseSync>['program'];
};

/** @param folders below the root of the checkout. */
export function readSources(root: string, folders: readonly string[]): Source[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
    .filter((path) => !/(?:^|\/)(?:dist|node_modules)\//.test(path))
    .toSorted()
    .map((path) => ({
      path,
      program: parseSync(path, readFileSync(join(root, path), 'utf8')).program,
    }));
}
