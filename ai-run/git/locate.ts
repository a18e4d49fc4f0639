/** Finds the repositories of a project, by their files alone: no git runs in them. */

import { lstatSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { isFolder } from '../host/folder.ts';
import { realPathOf } from '../host/places.ts';
import { readRegularFile } from '../host/read-regular-file.ts';
import type { Folder } from '../host/walk.ts';

export type Repository = {
  /** Relative to the project; `''` is the project's own. */
  readonly folder: string;
  /** The folder of HEAD and the index: `/p/.git`, `/main/.git/worktrees/x`, `/p/.git/modules/sub`. */
  readonly gitDir: string;
  /** The folder of refs, objects and configuration: `gitDir`, except for a linked worktree. */
  readonly commonDir: string;
  /** Whether `.git` is a file that names the folder. */
  readonly pointer: boolean;
};

const mebibyte = 1024 * 1024;

/**
 * The repository whose `.git` is in this folder of the project.
 * @throws UserError E_GIT if `.git` is a symbolic link, or a file that names a folder which does not name it back: such a file
 * can come with downloaded code and name any repository of the machine.
 */
export async function readRepository(project: string, folder: string): Promise<Repository> {
  const path = join(project, folder, '.git');
  const state = lstatSync(path);
  if (state.isDirectory()) {
    if (!isFolder(join(path, 'objects'))) throw refusal(path, 'it has no folder "objects"');
    return { folder, gitDir: path, commonDir: path, pointer: false };
  }
  if (!state.isFile()) throw refusal(path, 'it is a symbolic link');
  const target = /^gitdir: (.+?)\n?$/.exec((await readRegularFile(path, 4096)) ?? '')?.[1];
  const gitDir = target === undefined ? undefined : realPathOf(resolve(dirname(path), target));
  if (gitDir === undefined) throw refusal(path, 'it does not name an existing folder');
  if (!(await pointsBack(gitDir, path)))
    throw refusal(path, `it names ${gitDir}, which belongs to another folder`);
  const common = (await readRegularFile(join(gitDir, 'commondir'), 4096))?.trimEnd();
  const commonDir = common === undefined ? gitDir : realPathOf(resolve(gitDir, common));
  // The named folder could have come with the code as well; a folder inside the repository itself cannot.
  if (commonDir !== gitDir && commonDir !== dirname(dirname(gitDir)))
    throw refusal(path, `${gitDir} is not a worktree of the repository that it names`);
  if (commonDir === undefined || !isFolder(join(commonDir, 'objects')))
    throw refusal(path, `${gitDir} does not name a repository`);
  return { folder, gitDir, commonDir, pointer: true };
}

/** The folders of the project that contain a `.git`, the project's root first. */
export function gitFolders(folders: readonly Folder[]): string[] {
  return folders
    .filter(({ entries }) => entries.some(({ name }) => name === '.git'))
    .map(({ path }) => path);
}

/** The nearest folder above the project that contains a `.git`, if any. */
export function repositoryAbove(project: string): string | undefined {
  for (let folder = dirname(project); ; folder = dirname(folder)) {
    if (lstatSync(join(folder, '.git'), { throwIfNoEntry: false }) !== undefined) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Whether the root of a project is itself a bare repository. */
export function isBare([root]: readonly Folder[]): boolean {
  return ['HEAD', 'objects', 'refs'].every((name) =>
    root?.entries.some((entry) => entry.name === name),
  );
}

function refusal(path: string, why: string): UserError {
  return new UserError('E_GIT', `the agent gets no copy of ${path}: ${why}`, {
    hint: 'hide it with --git none',
  });
}

/** Whether the folder names this worktree as its own: a linked worktree in `gitdir`, a submodule in `core.worktree`. */
async function pointsBack(gitDir: string, pointer: string): Promise<boolean> {
  const gitdir = (await readRegularFile(join(gitDir, 'gitdir'), 4096))?.trimEnd();
  if (gitdir !== undefined) return realPathOf(resolve(gitDir, gitdir)) === realPathOf(pointer);
  const config = (await readRegularFile(join(gitDir, 'config'), mebibyte)) ?? '';
  const worktree = /^\s*worktree\s*=\s*"?([^"\n]+?)"?\s*$/m.exec(config)?.[1];
  return (
    worktree !== undefined && realPathOf(resolve(gitDir, worktree)) === realPathOf(dirname(pointer))
  );
}
