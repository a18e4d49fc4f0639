import { readFileSync, statSync } from 'node:fs';

/** Longer is no key and no configuration. */
export const longest = 1024 * 1024;

/**
 * The text of a file of the user's, which may be a symlink, as those who keep their files elsewhere have it; nothing where
 * there is none, or what would never end.
 */
export function readOwn(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size <= longest ? readFileSync(path, 'utf8') : undefined;
}
