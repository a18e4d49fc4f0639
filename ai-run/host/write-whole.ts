import { closeSync, fchownSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import { uniqueName } from '../startup/unique-name.ts';

type WriteOptions = {
  readonly mode?: number;
  /** Whose it becomes. The caller's where nothing is said. */
  readonly owner?: Policy['user'] | undefined;
};

/** Written beside and renamed: whole, also when the power fails, in the place of what was there, and never through a symlink. */
export function writeWhole(
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
