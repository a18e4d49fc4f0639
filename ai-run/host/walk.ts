import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** How far a project is looked through: deep enough for what people keep, bounded for what an agent can make. */
export type Bounds = { readonly folders: number; readonly depth: number };

export const bounds: Bounds = { folders: 5000, depth: 8 };

export type Folder = {
  /** Relative to where the walk began; `''` is that folder itself. */
  readonly path: string;
  readonly entries: readonly Dirent[];
};

// Large, and made by tools: nobody keeps a repository or an editor's settings in them.
const skipped: ReadonlySet<string> = new Set(['node_modules', '.git', '.venv', '__pycache__']);

/** The folders below one, broadest first, by plain reads: symbolic links are not followed, unreadable folders are left out. */
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
