/** Keeps masked files out of the commits of a shadow. */

import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isWithin } from '../project/folders.rules.ts';
import { type Environment, hostGit } from './host-git.ts';

/**
 * A masked file is empty or missing in the worktree, and `git commit -a` would commit that. So the index of a shadow tells git to
 * skip tracked masked files (`skip-worktree`), and its excludes list the others.
 */

/** Paths on one command line: each may have 4096 bytes, and the limit is 2 MiB. */
const atOnce = 400;

/** The paths below a folder, relative to it. */
export function relativeTo(folder: string, paths: readonly string[]): string[] {
  return paths
    .filter((path) => path !== folder && isWithin(path, folder))
    .map((path) => path.slice(folder.length + 1));
}

/** The tracked files among and below these paths, according to the repository's index. */
export async function trackedOf(
  gitDir: string,
  paths: readonly string[],
  env: Environment,
): Promise<string[]> {
  if (paths.length === 0) return [];
  const listed = await hostGit(
    gitDir,
    ['--literal-pathspecs', 'ls-files', '--cached', '-z', '--', ...paths],
    env,
  );
  return [...new Set(listed.stdout.split('\0').filter((path) => path !== ''))];
}

/**
 * Makes git in a shadow treat hidden files as unchanged. The git of the host writes the shadow's index, before an agent has seen
 * it, and runs in the user's own repository.
 * @returns whether git accepted it.
 */
export async function skipHidden(
  shadow: string,
  repository: { readonly gitDir: string; readonly hidden: readonly string[] },
  tracked: readonly string[],
  env: Environment,
): Promise<boolean> {
  const { gitDir, hidden } = repository;
  if (hidden.length === 0) return true;
  await appendFile(join(shadow, 'info/exclude'), `\n${hidden.map(excludeLine).join('')}`);
  if (tracked.length === 0) return true;
  // In a sparse checkout, git would look at existing files although they are skipped: git-sparse-checkout(1).
  await appendFile(join(shadow, 'config'), '[sparse] expectFilesOutsideOfPatterns = true\n');
  for (let from = 0; from < tracked.length; from += atOnce) {
    const { code } = await hostGit(
      gitDir,
      [
        '-c',
        'core.splitIndex=false',
        'update-index',
        '--skip-worktree',
        '--',
        ...tracked.slice(from, from + atOnce),
      ],
      env,
      { index: join(shadow, 'index') },
    );
    if (code !== 0) return false;
  }
  return true;
}

/** The line of `info/exclude` that matches this path only: gitignore(5). */
function excludeLine(path: string): string {
  return `/${path.replaceAll(/[\\*?[\] ]/g, String.raw`\$&`)}\n`;
}
