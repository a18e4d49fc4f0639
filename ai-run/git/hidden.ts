import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isWithin } from '../project/folders.rules.ts';
import { type Environment, hostGit } from './host-git.ts';

/**
 * What is masked is empty where git looks for it, or gone: a commit of everything would commit that. So the index of a
 * shadow tells git not to look (`skip-worktree`), and its excludes leave out what is not tracked.
 */

/** Paths on one command line: each may be 4096 bytes long, and there are 2 MiB. */
const atOnce = 400;

/** The paths that lie in a folder, relative to it. */
export function relativeTo(folder: string, paths: readonly string[]): string[] {
  return paths
    .filter((path) => path !== folder && isWithin(path, folder))
    .map((path) => path.slice(folder.length + 1));
}

/** Which files git tracks among these and below them, as the repository's index has them. */
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
 * Makes a shadow take what is hidden as it was. The git of the host writes its index, before an agent has seen it, in the
 * user's own repository.
 * @returns whether it worked.
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
  // In a sparse checkout, git would look at what is there although it is to be skipped: git-sparse-checkout(1).
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

/** A path as a line of `info/exclude` that means it and nothing else: gitignore(5). */
function excludeLine(path: string): string {
  return `/${path.replaceAll(/[\\*?[\] ]/g, String.raw`\$&`)}\n`;
}
