/** Writes the record of a session, from which `ai-run git` finds its commits, even after a crash. */

import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeptRepository } from './salvage.ts';

/** The folder of a session's shadows and saved commits. */
export function sessionFolder(home: string, session: string): string {
  return join(home, '.ai-run/git', session);
}

export async function writeRecord(
  folder: string,
  record: {
    readonly project: string;
    /** ai-run's process while the session lasts; 0 after its end. */
    readonly pid: number;
    readonly repositories: readonly (KeptRepository & { readonly summary?: string })[];
  },
): Promise<void> {
  const path = join(folder, 'record.json');
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** The fields of a shadow that are recorded. */
export function recordedFields({
  folder,
  gitDir,
  commonDir,
  store,
  objects,
  format,
  detached,
  identity,
}: KeptRepository): KeptRepository {
  return {
    folder,
    gitDir,
    commonDir,
    store,
    objects,
    format,
    ...(detached === undefined ? {} : { detached }),
    ...(identity === undefined ? {} : { identity }),
  };
}
