import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { summary } from './modes.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import type { Environment } from './host-git.ts';
import { removeTree } from '../host/tree.ts';
import { fingerprints } from './repository.ts';
import { type Kept, salvage } from './salvage.ts';
import type { Shadow } from './shadow.ts';
import { walk } from '../host/walk.ts';

type Owner = {
  readonly project: string;
  readonly session: string;
  readonly home: string;
  readonly env: Environment;
};

/** Where a session keeps what it lends and saves. */
export function sessionFolder(home: string, session: string): string {
  return join(home, '.ai-run/git', session);
}

/** What is kept of a session on disk, so that `ai-run git` finds it again after a crash as well. */
export async function writeRecord(
  folder: string,
  record: {
    readonly project: string;
    readonly pid: number;
    readonly repositories: readonly (Kept & { readonly summary?: string })[];
  },
): Promise<void> {
  const path = join(folder, 'record.json');
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export function keep({
  folder,
  gitDir,
  commonDir,
  store,
  objects,
  format,
  detached,
  identity,
}: Kept): Kept {
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

/** Repositories that are new or replaced since the start: what the agent wrote there runs when git is used there. */
export function planted(
  project: string,
  before: ReadonlyMap<string, string>,
  shown: (path: string) => string = (path) => path,
): string[] {
  return [...fingerprints(project, walk(project))]
    .filter(([path, print]) => before.get(path) !== print)
    .map(
      ([path]) =>
        `made or changed in this session: the git repository ${printable(shown(path))}: its configuration and hooks run on your machine when you, your editor or your prompt use git there; look at it first, or remove it`,
    );
}

/**
 * Saves what was committed, removes the shadows, and the whole session where nothing was committed.
 * @returns what the user should know, one line each.
 */
export async function finish(
  options: Owner,
  shadows: readonly Shadow[],
): Promise<readonly string[]> {
  const { project, session, env } = options;
  const folder = sessionFolder(options.home, session);
  const kept: (Kept & { summary?: string })[] = [];
  const notes: string[] = [];
  for (const shadow of shadows) {
    try {
      const saved = await salvage(keep(shadow), shadow.before, env);
      if (saved.length > 0) kept.push({ ...keep(shadow), summary: summary(shadow.folder, saved) });
    } catch (error) {
      // It stays as it is, for the user to look at or to drop.
      kept.push(keep(shadow));
      const hint = error instanceof UserError ? error.hint : undefined;
      notes.push(`git: ${messageOf(error)}${hint === undefined ? '' : `; ${hint}`}`);
    }
  }
  if (kept.length === 0) {
    removeTree(folder);
    return notes;
  }
  await writeRecord(folder, { project, pid: 0, repositories: kept });
  const all = kept.flatMap((one) => one.summary ?? []).join('; ');
  return all === ''
    ? notes
    : [...notes, `${all}: bring them back with: ai-run git fetch ${session}`];
}
