import type { Contract } from './contract.ts';
import { home } from './policy.ts';
import { isWithin } from './workspace.ts';

/** What of a contract says which files outlive a session. */
export type Kept = Pick<Contract, 'agent' | 'state' | 'cache'>;

/**
 * The name of the folder that is the home of an agent's sessions in one project: `app-0123456789ab`.
 * @param hash the SHA-256 of the project's real path, as hex digits
 */
export const homeName = (project: string, hash: string): string => {
  const name = project.slice(project.lastIndexOf('/') + 1).replaceAll(/[^\p{L}\p{N}._-]/gu, '_');
  // A file name ends at 255 bytes, and a character may take four of them.
  return `${Array.from(name).slice(0, 40).join('')}-${hash.slice(0, 12)}`;
};

/** Paths without those that lie in another one of them. */
export const outermost = (paths: readonly string[]): readonly string[] =>
  [...new Set(paths)].filter(
    (path) => !paths.some((other) => other !== path && isWithin(path, other)),
  );

/** The caches that are mounted: not those that hold state, which belongs to one project. */
export const cachesOf = ({ state, cache }: Kept): readonly string[] =>
  outermost(cache).filter((path) => !state.some((one) => isWithin(one, path)));

/** Folders of the host that are mounted below the container's home, as paths below it. */
export const belowHome = (folders: readonly string[]): readonly string[] =>
  folders
    .filter((folder) => folder !== home && isWithin(folder, home))
    .map((folder) => folder.slice(home.length + 1));

/**
 * What happens to a path below the home when a session has ended: it is kept with all it holds, entered because it
 * leads to something that is kept, or removed.
 */
export const fateOf = (path: string, kept: readonly string[]): 'keep' | 'enter' | 'remove' => {
  if (kept.some((one) => isWithin(path, one))) return 'keep';
  return kept.some((one) => isWithin(one, path)) ? 'enter' : 'remove';
};
