/** Detects repositories that an agent made, replaced or reconfigured during a session. */

import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '@ai-bakery/kernel/text.ts';
import { type Folder, walk } from '../host/walk.ts';
import { identityOf } from './identity.ts';

/**
 * The repositories in these folders, by path, with a fingerprint each: the inode and birth time of a `.git`, which no program
 * can set; for a bare repository the change times of its configuration and hooks.
 */
export function fingerprints(
  project: string,
  folders: readonly Folder[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { path, entries } of folders) {
    const names = new Set(entries.map(({ name }) => name));
    const folder = join(project, path);
    if (names.has('.git')) found.set(join(path, '.git'), String(identityOf(join(folder, '.git'))));
    // With `commondir`, git looks for objects and refs elsewhere: gitrepository-layout(5).
    const isRepository =
      names.has('HEAD') && (names.has('commondir') || (names.has('objects') && names.has('refs')));
    if (isRepository) found.set(path === '' ? '.' : path, bareFingerprint(folder, entries));
  }
  return found;
}

/** One line for each repository that is new or changed since the start: using git there runs what the agent wrote. */
export function plantedNotes(
  project: string,
  before: ReadonlyMap<string, string>,
  shown: (path: string) => string = (path) => path,
): string[] {
  return [...fingerprints(project, walk(project))]
    .filter(([path, print]) => before.get(path) !== print)
    .map(
      ([path]) =>
        `made or changed in this session: the git repository ${printable(shown(path))}: its configuration and hooks run on your machine when you, your editor or your prompt use git there; check it first, or remove it`,
    );
}

function bareFingerprint(folder: string, entries: Folder['entries']): string {
  const hasHooks = entries.find(({ name }) => name === 'hooks')?.isDirectory() === true;
  const hooks = hasHooks ? readdirSync(join(folder, 'hooks')).toSorted() : [];
  return changeTimes(folder, [
    'config',
    'config.worktree',
    'commondir',
    'hooks',
    ...hooks.map((name) => `hooks/${name}`),
  ]);
}

/** The change times (ctime) of files, which no program can set. */
function changeTimes(folder: string, names: readonly string[]): string {
  return names
    .map(
      (name) =>
        `${name} ${lstatSync(join(folder, name), { throwIfNoEntry: false, bigint: true })?.ctimeNs}`,
    )
    .join('\n');
}
