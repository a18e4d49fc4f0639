/** Lists the folders of a project, within limits. */

import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The limits of a walk: sufficient for real projects, and bounded against trees that an agent makes. */
export type Bounds = { readonly folders: number; readonly depth: number };

export const bounds: Bounds = { folders: 5000, depth: 8 };

export type Folder = {
  /** Relative to the root of the walk, which is `''`. */
  readonly path: string;
  readonly entries: readonly Dirent[];
};

// Large folders that tools make; they contain no repository of a user and no settings of an editor.
const skipped: ReadonlySet<string> = new Set(['node_modules', '.git', '.venv', '__pycache__']);

/** Lists folders breadth-first by plain reads: symbolic links are not followed, unreadable folders are left empty. */
export function walk(
  root: string,
  { folders, depth }: Bounds = bounds,
  leftOut: ReadonlySet<string> = skipped,
): readonly Folder[] {
  const found: Folder[] = [];
  let level = [''];
  for (let below = 0; below <= depth && level.length > 0; below += 1) {
    const next: string[] = [];
    for (const path of level) {
      if (found.length >= folders) return found;
      const entries = (() => {
        try {
          return readdirSync(join(root, path), { withFileTypes: true });
        } catch {
          return [];
        }
      })();
      found.push({ path, entries });
      for (const entry of entries)
        if (entry.isDirectory() && !leftOut.has(entry.name)) next.push(join(path, entry.name));
    }
    level = next;
  }
  return found;
}
