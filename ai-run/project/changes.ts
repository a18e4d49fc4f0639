/** The report, at the end of a session, of changed files that can run code on the host. */

import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from '../part.rules.ts';
import { changedFiles, runBy, runningPart } from './risky.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { readRegularFile } from '../host/read-regular-file.ts';
import { type Folder, walk } from '../host/walk.ts';

/** Bytes of a file that are kept in memory and compared; a larger file, which no person writes, is compared by size and time. */
const largest = 256 * 1024;

/** Names that are listed; the rest are counted. */
const most = 20;

/** Reports at the end of a session the changed files that can run code on the host: see risky.rules.ts. */
export async function openChanges({
  project,
  tree,
}: {
  readonly project: string;
  /** The result of `walk` for the project. */
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
      // A link in place of a folder, like `.vscode`, brings the whole content of its target.
      const risky =
        runBy(name) ?? (entry.isSymbolicLink() ? runBy(join(name, 'tasks.json')) : undefined);
      if (risky === undefined) continue;
      const content = await contentOf(project, name);
      if (content !== undefined) found.set(name, content);
    }
  }
  return found;
}

/** Returns the part of a file that can run code, or a symbolic link's target. */
async function contentOf(project: string, path: string): Promise<string | undefined> {
  const full = join(project, path);
  const state = lstatSync(full, { throwIfNoEntry: false });
  if (state?.isSymbolicLink() === true) return `link to ${readlinkSync(full)}`;
  if (state?.isFile() !== true) return undefined;
  const text = await readRegularFile(full, largest);
  if (text === undefined) return `${state.size} bytes of ${state.ctimeMs}`;
  // The execute bits count: setting one changes the file's effect.
  return `${state.mode & 0o111} ${runningPart(path, text)}`;
}
