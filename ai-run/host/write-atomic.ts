/** Writes a file atomically, safe against a loss of power. */

import { closeSync, fchownSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import { uniqueName } from '../startup/unique-name.ts';

type WriteOptions = {
  readonly mode?: number;
  /** The owner of the file; default: the caller. */
  readonly owner?: Policy['user'] | undefined;
};

/** Writes a temporary file, syncs it and renames it over the path. A symlink at the path is replaced, not followed. */
export function writeAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600, owner }: WriteOptions = {},
): void {
  const made = `${path}.${uniqueName()}`;
  const file = openSync(made, 'wx', mode);
  try {
    writeFileSync(file, content);
    if (owner !== undefined && process.getuid?.() !== owner.uid)
      fchownSync(file, owner.uid, owner.gid);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(made, path);
}
