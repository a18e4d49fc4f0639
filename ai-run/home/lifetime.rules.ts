/** Decides which files of a home outlive a session, and names the files of a project. */

import { home } from '@ai-bakery/kernel/policy.ts';
import { isWithin } from '../project/folders.rules.ts';

/** In characters. A file name may have 255 bytes; the names of temporary files add a suffix. */
const longest = 200;

/**
 * The name of a file or folder that belongs to one project, like the home of an agent's sessions: `+home+me+app`. Names are
 * unique; only a shortened one contains `@`, before the digits of its hash.
 * @param project the project's real path
 * @param hash returns the hash of a text in hex digits, for paths that are longer than a name may be
 */
export function projectName(project: string, hash: (text: string) => string): string {
  const name = encodeURIComponent(project).replaceAll('%2F', '+');
  if (name.length <= longest) return name;
  const digits = hash(project);
  return `${name.slice(0, longest - digits.length - 1)}@${digits}`;
}

/** Removes the paths that are below another path of the list. */
export function outermost(paths: readonly string[]): readonly string[] {
  return [...new Set(paths)].filter(
    (path) => !paths.some((other) => other !== path && isWithin(path, other)),
  );
}

/** The caches to mount: not the ones that contain state, which belongs to one project. */
export function cachesOf(paths: {
  readonly state: readonly string[];
  readonly caches: readonly string[];
}): readonly string[] {
  const { state, caches } = paths;
  return outermost(caches).filter((path) => !state.some((one) => isWithin(one, path)));
}

/** The folders that are mounted below the container's home, as paths relative to it. */
export function belowHome(folders: readonly string[]): readonly string[] {
  return folders
    .filter((folder) => folder !== home && isWithin(folder, home))
    .map((folder) => folder.slice(home.length + 1));
}

/**
 * The fate of a path below the home at the end of a session: kept with all its contents, entered because a kept path is below
 * it, or removed.
 */
export function fateOf(path: string, kept: readonly string[]): 'keep' | 'enter' | 'remove' {
  if (kept.some((one) => isWithin(path, one))) return 'keep';
  return kept.some((one) => isWithin(one, path)) ? 'enter' : 'remove';
}
