import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from '../part.rules.ts';
import { changedFiles, runBy, runningPart } from './risky.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { readPlain } from '../host/read-plain.ts';
import { type Folder, walk } from '../host/walk.ts';

/** More bytes than a person writes in such a file; a larger one is known by its size and time. They are kept in memory. */
const largest = 256 * 1024;

/** More names than a person reads. */
const most = 20;

/** Says at the end of a session which files changed that can run code on the host: see core/risky. */
export async function openChanges({
  project,
  tree,
}: {
  readonly project: string;
  /** What `walk` finds in it. */
  readonly tree: readonly Folder[];
}): Promise<Part> {
  const before = await snapshot(project, tree);
  return {
    finish: async () => {
      const changed = changedFiles(before, await snapshot(project, walk(project)));
      if (changed.length === 0) return [];
      const rest = changed.length - most;
      return [
        `changed, and can run code on your machine: ${changed.slice(0, most).map(printable).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`,
      ];
    },
  };
}

async function snapshot(
  project: string,
  tree: readonly Folder[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { path, entries } of tree) {
    for (const entry of entries) {
      const name = join(path, entry.name);
      // A link in place of a folder, like `.vscode`, brings all that is in it.
      const risky =
        runBy(name) ?? (entry.isSymbolicLink() ? runBy(join(name, 'tasks.json')) : undefined);
      if (risky === undefined) continue;
      const content = await contentOf(project, name);
      if (content !== undefined) found.set(name, content);
    }
  }
  return found;
}

/** What of a file runs, or the name that a symbolic link holds. */
async function contentOf(project: string, path: string): Promise<string | undefined> {
  const full = join(project, path);
  const state = lstatSync(full, { throwIfNoEntry: false });
  if (state?.isSymbolicLink() === true) return `link to ${readlinkSync(full)}`;
  if (state?.isFile() !== true) return undefined;
  const text = await readPlain(full, largest);
  if (text === undefined) return `${state.size} bytes of ${state.ctimeMs}`;
  // Whether it can be executed is part of what it does.
  return `${state.mode & 0o111} ${runningPart(path, text)}`;
}
