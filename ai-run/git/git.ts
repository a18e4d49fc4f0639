/** Decides what a session does with each repository of the project: hide it, copy it or share it. */

import { join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { bounds, type Folder } from '../host/walk.ts';
import type { Part } from '../part.rules.ts';
import { isWithin } from '../project/folders.rules.ts';
import { fingerprints, plantedNotes } from './fingerprints.ts';
import { finish } from './finish.ts';
import { relativeTo, trackedOf } from './hidden.ts';
import { hide, isLink } from './hide.ts';
import type { Environment } from './host-git.ts';
import { gitFolders, isBare, repositoryAbove } from './locate.ts';
import { type GitMode, isSessionName, maskedNotes } from './modes.rules.ts';
import { openShadows } from './open-shadows.ts';
import type { Shadow } from './shadow.ts';
import { shadowNotes } from './shadow-notes.ts';

export type GitOptions = {
  /** Real path of the folder that is mounted at its own path. */
  readonly project: string;
  /** The folders of the project, as `walk` lists them. */
  readonly tree: readonly Folder[];
  readonly mode: GitMode;
  /** Names the folder below `~/.ai-run/git` and the refs of `ai-run git fetch`. */
  readonly session: string;
  /** The caller's home folder. */
  readonly home: string;
  /** The agent's user in the container: `harden(…).user`. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** For git on the host: PATH, HOME and XDG_CONFIG_HOME are used. */
  readonly env: Environment;
  /** Real paths of masked files and folders. */
  readonly hidden?: readonly string[];
};

/** More repositories than real projects have; each costs a process and two mounts at the start. */
const mostShadows = 32;

/**
 * Opens the git part of a session, for all repositories of the project: the one at its root, submodules, linked worktrees and
 * every other folder with a `.git`.
 * @throws UserError E_GIT if the project's own repository can be neither hidden nor copied correctly; the hint names the flag
 * that helps.
 */
export async function openGit(options: GitOptions): Promise<Part> {
  const { project, tree, mode, session, hidden = [] } = options;
  if (!isSessionName(session)) {
    throw new UserError(
      'E_SESSION',
      `${JSON.stringify(session)} is not a session name: use letters, digits and ._- only`,
    );
  }
  if (mode === 'live') return openLive(options);
  // A masked folder does not exist for the agent, and a mount below it is impossible.
  const folders = gitFolders(tree).filter(
    (folder) => !hidden.some((path) => isWithin(join(project, folder), path)),
  );
  checkRoot(options, folders);
  const before = fingerprints(project, tree);
  const links = folders.filter((folder) => isLink(project, folder));
  const copied = mode === 'none' ? [] : folders.filter((folder) => !links.includes(folder));
  const { shadows, refused } =
    copied.length === 0
      ? { shadows: [], refused: [] }
      : await openShadows(options, copied.slice(0, mostShadows));
  return {
    mounts: [
      ...shadows.flatMap(({ mounts }) => mounts),
      ...hiddenMounts(project, folders, shadows, links),
    ],
    env: safeFolders([
      project,
      ...shadows.map(({ folder }) => join(project, folder)).filter((path) => path !== project),
    ]),
    notes: [
      ...scopeNotes(options, folders),
      ...refused,
      ...links.map(
        (folder) => `git: ${printable(folder)}/.git is a symbolic link, which cannot be covered`,
      ),
      ...shadowNotes(project, shadows),
    ],
    finish: async () => [
      // Reports planted repositories even if saving the commits fails.
      ...(await finishShadows(options, shadows)),
      ...plantedNotes(project, before),
    ],
  };
}

async function openLive({ project, hidden = [], env }: GitOptions): Promise<Part> {
  const tracked = await trackedOf(join(project, '.git'), relativeTo(project, hidden), env);
  return {
    env: safeFolders([project]),
    notes: [
      ...maskedNotes('', tracked, false),
      'git: .git is shared as it is: the agent can plant hooks and settings in it that run on your machine when you use git here',
    ],
  };
}

/** Refuses a project whose own repository can be neither hidden nor copied. */
function checkRoot({ project, tree }: GitOptions, folders: readonly string[]): void {
  const hasOwn = folders.includes('');
  if (!hasOwn && isBare(tree)) {
    throw new UserError(
      'E_GIT',
      `${project} is a bare repository: the agent could write programs that git runs`,
      { hint: 'work in a clone of it' },
    );
  }
  if (hasOwn && isLink(project, '')) {
    throw new UserError(
      'E_GIT',
      `${join(project, '.git')} is a symbolic link: it cannot be covered`,
      {
        hint: 'work in a worktree instead (git worktree add)',
      },
    );
  }
}

/** Notes on repositories that the agent does not get. */
function scopeNotes(
  { project, tree, mode, env }: GitOptions,
  folders: readonly string[],
): string[] {
  const above = folders.includes('') ? undefined : repositoryAbove(project);
  const notes: string[] = [];
  if (above !== undefined)
    notes.push(
      `git: the repository of this folder is at ${printable(above)}, above the shared folder: the agent does not see it`,
    );
  if (tree.length >= bounds.folders)
    notes.push(
      `git: the search for repositories in the project ended after ${bounds.folders} folders`,
    );
  if (mode === 'shadow' && folders.length > mostShadows)
    notes.push(
      `git: the agent gets ${mostShadows} of ${folders.length} repositories; the others are hidden`,
    );
  if (mode === 'shadow' && env['GIT_DIR'] !== undefined)
    notes.push(
      'git: GIT_DIR is set, but not passed on: the agent gets a copy of the repository that .git names',
    );
  return notes;
}

/** Covers the repositories without a shadow; links cannot be covered. */
function hiddenMounts(
  project: string,
  folders: readonly string[],
  shadows: readonly Shadow[],
  links: readonly string[],
): Mount[] {
  const shadowed = new Set(shadows.map(({ folder }) => folder));
  return folders
    .filter((folder) => !shadowed.has(folder) && !links.includes(folder))
    .map((folder) => hide(project, folder));
}

/** Exempts these folders from git's check of their owner, which fails if ai-run runs as root and the agent does not. */
function safeFolders(folders: readonly string[]): Record<string, string> {
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(folders.length)],
    ...folders.flatMap((folder, at) => [
      [`GIT_CONFIG_KEY_${at}`, 'safe.directory'],
      [`GIT_CONFIG_VALUE_${at}`, folder],
    ]),
  ]);
}

async function finishShadows(
  options: GitOptions,
  shadows: readonly Shadow[],
): Promise<readonly string[]> {
  if (shadows.length === 0) return [];
  return finish(options, shadows).catch((error: unknown) => [`git: ${messageOf(error)}`]);
}
