import type { Contract } from '@ai-bakery/kernel/contract.ts';
import { home } from '@ai-bakery/kernel/policy.ts';
import { isWithin } from '../project/folders.rules.ts';

/** What of a contract says which files outlive a session. */
export type Kept = Pick<Contract, 'agent' | 'state' | 'cache'>;

/** Shorter than a file name may be, which ends at 255 bytes: what is made beside it has a longer one. */
const longest = 200;

/**
 * What a file or folder about one project is called, like the home of an agent's sessions in it: `+home+me+app`. No two
 * projects share a name, and only a long one has an `@`, before its digits.
 * @param project its real path
 * @param hash makes hex digits of a text, for paths that are longer than a name may be
 */
export function projectName(project: string, hash: (text: string) => string): string {
  const name = encodeURIComponent(project).replaceAll('%2F', '+');
  if (name.length <= longest) return name;
  const digits = hash(project);
  return `${name.slice(0, longest - digits.length - 1)}@${digits}`;
}

/** Paths without those that lie in another one of them. */
export function outermost(paths: readonly string[]): readonly string[] {
  return [...new Set(paths)].filter(
    (path) => !paths.some((other) => other !== path && isWithin(path, other)),
  );
}

/** The caches that are mounted: not those that hold state, which belongs to one project. */
export function cachesOf({ state, cache }: Kept): readonly string[] {
  return outermost(cache).filter((path) => !state.some((one) => isWithin(one, path)));
}

/** Folders of the host that are mounted below the container's home, as paths below it. */
export function belowHome(folders: readonly string[]): readonly string[] {
  return folders
    .filter((folder) => folder !== home && isWithin(folder, home))
    .map((folder) => folder.slice(home.length + 1));
}

/**
 * What happens to a path below the home when a session has ended: it is kept with all it holds, entered because it
 * leads to something that is kept, or removed.
 */
export function fateOf(path: string, kept: readonly string[]): 'keep' | 'enter' | 'remove' {
  if (kept.some((one) => isWithin(path, one))) return 'keep';
  return kept.some((one) => isWithin(one, path)) ? 'enter' : 'remove';
}
