import { constants, lstatSync } from 'node:fs';
import { copyFile, lchown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { objectFormat, shadowConfig, unsupported } from './config.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { formatRefs, type Refs } from './refs.rules.ts';
import { relativeTo, skipHidden, trackedOf } from './hidden.ts';
import { type Environment, readConfig } from './host-git.ts';
import { followHead, identityOf, objectFolders, readRefs, type Repository } from './repository.ts';

/**
 * A repository of the agent's own in place of the user's `.git`. Everything small is written afresh or copied as data;
 * objects are lent: the real folder is mounted read-only and named in `objects/info/alternates` by its path in the
 * container. That path means nothing on the host, and need not: no git of the host ever opens a shadow.
 */
export type Shadow = Repository & {
  /** The session's folder for this repository: `shadow`, and what became of it. */
  readonly store: string;
  readonly objects: readonly string[];
  readonly identity?: string;
  readonly format: 'sha1' | 'sha256';
  readonly before: Refs;
  /** The commit of HEAD where it names no branch. */
  readonly detached?: string;
  readonly mounts: readonly Mount[];
  readonly lfs: boolean;
  /** `core.hooksPath` where it was set: a folder whose files run on the host. */
  readonly hooksPath?: string;
  /** Masked files that git tracks, and whether it takes them as they were. */
  readonly masked: { readonly tracked: readonly string[]; readonly skipped: boolean };
};

// State of work in progress, all of it data: what is staged, and what a commit would have as second parent.
const copied =
  'index ORIG_HEAD MERGE_HEAD MERGE_MSG MERGE_MODE CHERRY_PICK_HEAD REVERT_HEAD info/sparse-checkout'.split(
    ' ',
  );

const copiedCommon = ['shallow', 'info/exclude'];

/** The files that make a folder a repository; git reads the rest from `config`, `HEAD` and `packed-refs`. */
export async function writeSkeleton(
  folder: string,
  files: {
    readonly config: string;
    readonly head: string;
    readonly refs: Refs;
    readonly alternates: readonly string[];
  },
): Promise<void> {
  for (const name of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info', 'hooks'])
    await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  await Promise.all([
    writeFile(join(folder, 'config'), files.config),
    writeFile(join(folder, 'HEAD'), `${files.head}\n`),
    writeFile(join(folder, 'packed-refs'), formatRefs(files.refs)),
    writeFile(
      join(folder, 'objects/info/alternates'),
      files.alternates.map((path) => `${path}\n`).join(''),
    ),
  ]);
}

/**
 * Makes the shadow of one repository.
 * @param store the folder to make it in, mode 0700, outside of every project.
 * @throws UserError E_GIT where a copy would not be right.
 */
export async function makeShadow(
  project: string,
  repository: Repository,
  options: {
    readonly store: string;
    readonly number: number;
    readonly user: { readonly uid: number; readonly gid: number };
    readonly env: Environment;
    /** What is masked, by real path. */
    readonly hidden?: readonly string[];
  },
): Promise<Shadow> {
  const { gitDir, commonDir, pointer } = repository;
  const { store, number } = options;
  const shadow = join(store, 'shadow');
  const all = await readConfig(gitDir, options.env);
  const own = all.filter(({ origin }) =>
    [
      join(commonDir, 'config'),
      join(gitDir, 'config.worktree'),
      join(commonDir, 'config.worktree'),
    ].includes(origin.slice('file:'.length)),
  );
  const identity = identityOf(commonDir);
  // What a worktree that is linked to it says of itself is not that it has no files.
  const reason = unsupported(
    gitDir === commonDir ? own : own.filter(({ key }) => key !== 'core.bare'),
  );
  const head = await followHead(repository);
  if (reason !== undefined || head === undefined) {
    throw new UserError(
      'E_GIT',
      `the agent gets no copy of ${gitDir}: ${reason ?? 'its HEAD names no branch and no commit'}`,
      {
        hint: 'hide it with --git none',
      },
    );
  }
  const [refs, objects] = await Promise.all([readRefs(commonDir), objectFolders(commonDir)]);
  // Stashes are the user's own business, and notes of other tools are nobody's.
  const before = new Map(
    [...refs].filter(([name]) => /^refs\/(?:heads|tags|remotes|notes)\//.test(name)),
  );
  await writeSkeleton(shadow, {
    config: shadowConfig(all, own),
    head: 'id' in head ? head.id : `ref: ${head.ref}`,
    refs: before,
    alternates: objects.map((_, at) => `${place(number, 'objects')}/${at}`),
  });
  const shared = (await readdir(gitDir)).filter((name) => /^sharedindex\.[0-9a-f]+$/.test(name));
  for (const name of [...copied, ...shared]) await copy(gitDir, shadow, name);
  for (const name of copiedCommon) await copy(commonDir, shadow, name);
  const hidden = relativeTo(join(project, repository.folder), options.hidden ?? []);
  const tracked = await trackedOf(gitDir, hidden, options.env);
  const skipped = await skipHidden(shadow, { gitDir, hidden }, tracked, options.env);
  if (pointer)
    await writeFile(join(store, 'pointer'), `gitdir: ${place(number, 'git')}\n`, { mode: 0o444 });
  await give(shadow, options.user);
  const hooksPath = all.findLast(({ key }) => key === 'core.hookspath')?.value;
  return {
    ...repository,
    store,
    objects,
    ...(identity === undefined ? {} : { identity }),
    format: objectFormat(own),
    before,
    ...('id' in head ? { detached: head.id } : {}),
    mounts: shadowMounts(project, repository, store, number, objects),
    masked: { tracked, skipped },
    lfs: lstatSync(join(commonDir, 'lfs'), { throwIfNoEntry: false }) !== undefined,
    ...(hooksPath === undefined ? {} : { hooksPath }),
  };
}

async function copy(from: string, to: string, name: string): Promise<void> {
  if (lstatSync(join(from, name), { throwIfNoEntry: false })?.isFile() === true)
    await copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE);
}

/** Where the container finds what the n-th repository borrows and, where `.git` is a file, the shadow itself. */
function place(number: number, what: 'objects' | 'git'): string {
  return `/run/ai-run/${what}/${number}`;
}

/** Gives a folder and all in it to the user of the container, where ai-run itself is another one (root). */
async function give(
  folder: string,
  user: { readonly uid: number; readonly gid: number },
): Promise<void> {
  if (process.getuid?.() === user.uid) return;
  await lchown(folder, user.uid, user.gid);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await lchown(join(entry.parentPath, entry.name), user.uid, user.gid);
}

function shadowMounts(
  project: string,
  repository: Repository,
  store: string,
  number: number,
  objects: readonly string[],
): Mount[] {
  const dotGit = join(project, repository.folder, '.git');
  const shadow = join(store, 'shadow');
  return [
    ...(repository.pointer
      ? [
          { type: 'bind', source: join(store, 'pointer'), target: dotGit, readonly: true } as const,
          { type: 'bind', source: shadow, target: place(number, 'git'), readonly: false } as const,
        ]
      : [{ type: 'bind', source: shadow, target: dotGit, readonly: false } as const]),
    ...objects.flatMap((source, at) => {
      const target = `${place(number, 'objects')}/${at}`;
      const mount = { type: 'bind', source, target, readonly: true } as const;
      // The chain is flat in the shadow; the paths that the real file names do not exist in the container.
      return lstatSync(join(source, 'info/alternates'), { throwIfNoEntry: false }) === undefined
        ? [mount]
        : [mount, { ...mount, source: '/dev/null', target: `${target}/info/alternates` }];
    }),
  ];
}
