import { closeSync, fchownSync, openSync, renameSync, writeFileSync } from 'node:fs';
import type { Policy } from '../core/policy.ts';
import { uniqueName } from './unique.ts';

type WriteOptions = {
  readonly mode?: number;
  /** Whose it becomes. The caller's where nothing is said. */
  readonly owner?: Policy['user'] | undefined;
};

/** Written beside and renamed: whole, in the place of what was there, and never through a symlink. */
export const writeWhole = (
  path: string,
  text: string,
  { mode = 0o600, owner }: WriteOptions = {},
): void => {
  const made = `${path}.${uniqueName()}`;
  const file = openSync(made, 'wx', mode);
  try {
    writeFileSync(file, text);
    if (owner !== undefined && process.getuid?.() !== owner.uid)
      fchownSync(file, owner.uid, owner.gid);
  } finally {
    closeSync(file);
  }
  renameSync(made, path);
};
