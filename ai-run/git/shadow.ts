/** Makes a shadow: a repository of the agent's own that is mounted in place of the user's `.git`. */

import { constants, lstatSync } from 'node:fs';
import { copyFile, lchown, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { objectFolders } from './alternates.ts';
import { type Entry, objectFormat, shadowConfig, unsupported } from './config.rules.ts';
import { relativeTo, skipHidden, trackedOf } from './hidden.ts';
import { type Environment, readConfig } from './host-git.ts';
import { identityOf } from './identity.ts';
import type { Repository } from './locate.ts';
import { followHead, readRefs } from './read-refs.ts';
import type { parseRef, Refs } from './refs.rules.ts';
import { containerPath, shadowMounts } from './shadow-mounts.ts';
import { writeSkeleton } from './skeleton.ts';

/**
 * Small files of a shadow are written afresh or copied as data. Objects are lent: the user's object folder is mounted
 * read-only, and `objects/info/alternates` names it by its path in the container. The path does not exist on the host, and no
 * git of the host opens a shadow.
 */
export type Shadow = Repository & {
  /** The session's folder for this repository: the shadow, and later the saved commits. */
  readonly store: string;
  readonly objects: readonly string[];
  readonly identity?: string;
  readonly format: 'sha1' | 'sha256';
  readonly before: Refs;
  /** The commit of HEAD if HEAD does not name a branch. */
  readonly detached?: string;
  readonly mounts: readonly Mount[];
  readonly lfs: boolean;
  /** `core.hooksPath`, if set: a folder whose files run on the host. */
  readonly hooksPath?: string;
  /** Masked files that git tracks, and whether the shadow's index skips them. */
  readonly masked: Masked;
};

type Masked = { readonly tracked: readonly string[]; readonly skipped: boolean };

type ShadowOptions = {
  /** The folder to make the shadow in, mode 0700, outside of every project. */
  readonly store: string;
  readonly number: number;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly env: Environment;
  /** Real paths of masked files and folders. */
  readonly hidden?: readonly string[];
};

// State of work in progress, all of it data: the staged files, and the second parent of the next commit.
const copied =
  'index ORIG_HEAD MERGE_HEAD MERGE_MSG MERGE_MODE CHERRY_PICK_HEAD REVERT_HEAD info/sparse-checkout'.split(
    ' ',
  );

const copiedCommon = ['shallow', 'info/exclude'];

/**
 * Makes the shadow of one repository.
 * @throws UserError E_GIT if a copy would not be correct.
 */
export async function makeShadow(
  project: string,
  repository: Repository,
  options: ShadowOptions,
): Promise<Shadow> {
  const { gitDir, commonDir, pointer } = repository;
  const { store, number } = options;
  const shadow = join(store, 'shadow');
  const all = await readConfig(gitDir, options.env);
  const own = ownEntries(repository, all);
  const identity = identityOf(commonDir);
  const head = await supportedHead(repository, own);
  const [refs, objects] = await Promise.all([readRefs(commonDir), objectFolders(commonDir)]);
  const before = sharedRefs(refs);
  await writeSkeleton(shadow, {
    config: shadowConfig(all, own),
    head: 'id' in head ? head.id : `ref: ${head.ref}`,
    refs: before,
    alternates: objects.map((_, at) => `${containerPath(number, 'objects')}/${at}`),
  });
  await copyState(repository, shadow);
  const masked = await skipMasked(project, repository, shadow, options);
  if (pointer)
    await writeFile(join(store, 'pointer'), `gitdir: ${containerPath(number, 'git')}\n`, {
      mode: 0o444,
    });
  await changeOwner(shadow, options.user);
  const hooksPath = all.findLast(({ key }) => key === 'core.hookspath')?.value;
  return {
    ...repository,
    store,
    objects,
    ...(identity === undefined ? {} : { identity }),
    format: objectFormat(own),
    before,
    ...('id' in head ? { detached: head.id } : {}),
    mounts: shadowMounts(project, repository, { store, number, objects }),
    masked,
    lfs: lstatSync(join(commonDir, 'lfs'), { throwIfNoEntry: false }) !== undefined,
    ...(hooksPath === undefined ? {} : { hooksPath }),
  };
}

/** The entries from the repository's own configuration files. */
function ownEntries({ gitDir, commonDir }: Repository, all: readonly Entry[]): readonly Entry[] {
  const files = [
    join(commonDir, 'config'),
    join(gitDir, 'config.worktree'),
    join(commonDir, 'config.worktree'),
  ];
  return all.filter(({ origin }) => files.includes(origin.slice('file:'.length)));
}

/**
 * The branch or commit of HEAD.
 * @throws UserError E_GIT for a repository without one, or of an unsupported format.
 */
async function supportedHead(
  repository: Repository,
  own: readonly Entry[],
): Promise<NonNullable<ReturnType<typeof parseRef>>> {
  const { gitDir, commonDir } = repository;
  // A linked worktree has files even if its repository is bare.
  const reason = unsupported(
    gitDir === commonDir ? own : own.filter(({ key }) => key !== 'core.bare'),
  );
  const head = await followHead(repository);
  if (reason === undefined && head !== undefined) return head;
  throw new UserError(
    'E_GIT',
    `the agent gets no copy of ${gitDir}: ${reason ?? 'its HEAD names neither a branch nor a commit'}`,
    { hint: 'hide it with --git none' },
  );
}

/** The refs that the agent gets: without the user's stashes, and without refs of other tools. */
function sharedRefs(refs: Refs): Refs {
  return new Map([...refs].filter(([name]) => /^refs\/(?:heads|tags|remotes|notes)\//.test(name)));
}

async function copyState({ gitDir, commonDir }: Repository, shadow: string): Promise<void> {
  const shared = (await readdir(gitDir)).filter((name) => /^sharedindex\.[0-9a-f]+$/.test(name));
  for (const name of [...copied, ...shared]) await copyRegularFile(gitDir, shadow, name);
  for (const name of copiedCommon) await copyRegularFile(commonDir, shadow, name);
}

async function copyRegularFile(from: string, to: string, name: string): Promise<void> {
  if (lstatSync(join(from, name), { throwIfNoEntry: false })?.isFile() === true)
    await copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE);
}

async function skipMasked(
  project: string,
  { gitDir, folder }: Repository,
  shadow: string,
  { hidden: paths = [], env }: ShadowOptions,
): Promise<Masked> {
  const hidden = relativeTo(join(project, folder), paths);
  const tracked = await trackedOf(gitDir, hidden, env);
  return { tracked, skipped: await skipHidden(shadow, { gitDir, hidden }, tracked, env) };
}

/** Makes the container's user the owner of a folder and its contents, if ai-run runs as another user (root). */
async function changeOwner(folder: string, user: ShadowOptions['user']): Promise<void> {
  if (process.getuid?.() === user.uid) return;
  await lchown(folder, user.uid, user.gid);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await lchown(join(entry.parentPath, entry.name), user.uid, user.gid);
}
