import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parseRef, parseRefs, type Refs } from './refs.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { readRegularFile } from '../host/read-regular-file.ts';
import { type Folder, walk } from '../host/walk.ts';

/** A repository as its files say. Everything here is read as data: no git runs in it. */
export type Repository = {
  /** Relative to the project; `''` is the project's own. */
  readonly folder: string;
  /** Where HEAD and the index are: `/p/.git`, `/main/.git/worktrees/x`, `/p/.git/modules/sub`. */
  readonly gitDir: string;
  /** Where refs, objects and configuration are; the same but for a linked worktree. */
  readonly commonDir: string;
  /** Whether `.git` is a file that names the folder. */
  readonly pointer: boolean;
};

const mebibyte = 1024 * 1024;

const largest = { refs: 100_000, packed: 64 * mebibyte };

/**
 * The repository whose `.git` is in this folder of the project.
 * @throws UserError E_GIT where `.git` is a symbolic link, or a file that names a folder which knows nothing of it: such a
 * file can come with somebody else's code and name any repository of the machine.
 */
export async function readRepository(project: string, folder: string): Promise<Repository> {
  const path = join(project, folder, '.git');
  const state = lstatSync(path);
  if (state.isDirectory()) {
    if (!lstatSync(join(path, 'objects'), { throwIfNoEntry: false })?.isDirectory())
      throw refuse(path, 'it has no folder "objects"');
    return { folder, gitDir: path, commonDir: path, pointer: false };
  }
  if (!state.isFile()) throw refuse(path, 'it is a symbolic link');
  const target = /^gitdir: (.+?)\n?$/.exec((await readRegularFile(path, 4096)) ?? '')?.[1];
  const gitDir = target === undefined ? undefined : real(resolve(dirname(path), target));
  if (gitDir === undefined) throw refuse(path, 'it names no folder that exists');
  if (!(await pointsBack(gitDir, path)))
    throw refuse(path, `it names ${gitDir}, which belongs to another folder`);
  const common = (await readRegularFile(join(gitDir, 'commondir'), 4096))?.trimEnd();
  const commonDir = common === undefined ? gitDir : real(resolve(gitDir, common));
  // Such a folder could have come with the code as well; one inside the repository itself cannot.
  if (commonDir !== gitDir && commonDir !== dirname(dirname(gitDir)))
    throw refuse(path, `${gitDir} is no worktree of the repository that it names`);
  if (
    commonDir === undefined ||
    !lstatSync(join(commonDir, 'objects'), { throwIfNoEntry: false })?.isDirectory()
  )
    throw refuse(path, `${gitDir} names no repository`);
  return { folder, gitDir, commonDir, pointer: true };
}

/** Every folder of the project that has a `.git`, the project's own first. */
export function gitFolders(folders: readonly Folder[]): string[] {
  return folders
    .filter(({ entries }) => entries.some(({ name }) => name === '.git'))
    .map(({ path }) => path);
}

/** The folder above the project that has a `.git`, or nothing. */
export function repositoryAbove(project: string): string | undefined {
  for (let folder = dirname(project); ; folder = dirname(folder)) {
    if (lstatSync(join(folder, '.git'), { throwIfNoEntry: false }) !== undefined) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * The folders that hold a repository's objects: its own and, through `info/alternates`, those it borrows from
 * (gitrepository-layout(5)), as real paths.
 */
export async function objectFolders(commonDir: string): Promise<string[]> {
  const found = new Set<string>();
  let level = [join(commonDir, 'objects')];
  // Git follows five links as well.
  for (let depth = 0; depth <= 5; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      const path = real(folder);
      if (path === undefined || found.has(path)) continue;
      // An alternate is a line of text: it must name what git keeps objects in, not any folder of the machine.
      if (!lstatSync(join(path, 'pack'), { throwIfNoEntry: false })?.isDirectory()) continue;
      found.add(path);
      const lines =
        (await readRegularFile(join(path, 'info/alternates'), mebibyte))?.split('\n') ?? [];
      for (const line of lines)
        if (line !== '' && !line.startsWith('#'))
          next.push(isAbsolute(line) ? line : join(path, line));
    }
    level = next;
  }
  return [...found];
}

/**
 * All refs of a repository, read as data: symbolic links, symbolic refs and names that git refuses are left out.
 * @throws UserError E_GIT where there are too many.
 */
export async function readRefs(commonDir: string): Promise<Refs> {
  const path = join(commonDir, 'packed-refs');
  const packed = await readRegularFile(path, largest.packed);
  if (packed === undefined && lstatSync(path, { throwIfNoEntry: false })?.isFile() === true)
    throw tooMany(commonDir);
  const refs = new Map(parseRefs(packed ?? ''));
  await looseRefs(commonDir, refs);
  return refs;
}

/** What HEAD names: a branch, or a commit. */
export async function readHead(gitDir: string): Promise<ReturnType<typeof parseRef>> {
  return parseRef((await readRegularFile(join(gitDir, 'HEAD'), 1024)) ?? '');
}

/** What HEAD names in the end: a branch may be another name of one, a symbolic ref. git-symbolic-ref(1) */
export async function followHead({
  gitDir,
  commonDir,
}: Pick<Repository, 'gitDir' | 'commonDir'>): ReturnType<typeof readHead> {
  let head = await readHead(gitDir);
  // Git follows five as well.
  for (let depth = 0; depth < 5 && head !== undefined && 'ref' in head; depth += 1) {
    const next = parseRef((await readRegularFile(join(commonDir, head.ref), 1024)) ?? '');
    if (next === undefined || 'id' in next) return head;
    head = next;
  }
  return head;
}

/** What no other folder has, and no program can give it: it stays with the folder when that is moved. */
export function identityOf(folder: string): string | undefined {
  const state = lstatSync(folder, { throwIfNoEntry: false, bigint: true });
  return state === undefined ? undefined : `${state.ino}:${state.birthtimeNs}`;
}

/** Whether there is a folder, and no link to one. */
export function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * Makes sure that a repository is the one with which a session began, and keeps its objects itself: an agent can rename the
 * folder that it is in, and put another one in its place.
 * @param identity what {@link identityOf} said of it then, where that is known.
 * @throws UserError E_GIT
 */
export function checkPlace(place: {
  readonly commonDir: string;
  readonly identity?: string | undefined;
}): void {
  const { commonDir, identity } = place;
  const same = identity === undefined || identityOf(commonDir) === identity;
  const whole = ['', 'objects', 'objects/pack', 'refs'].every((path) =>
    isFolder(join(commonDir, path)),
  );
  if (same && whole) return;
  throw new UserError(
    'E_GIT',
    `${commonDir} is not the repository any more with which the session began`,
    {
      hint: 'what the agent committed is kept: put the repository back where it was, and run ai-run git fetch',
    },
  );
}

/**
 * Which repositories stand in these folders, and what tells that one was put there or tampered with: a `.git` is known by
 * its inode and birth, which no program can give to another file; a bare one by when its configuration and hooks changed.
 */
export function fingerprints(
  project: string,
  folders: readonly Folder[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { path, entries } of folders) {
    const names = new Set(entries.map(({ name }) => name));
    const folder = join(project, path);
    if (names.has('.git')) {
      found.set(join(path, '.git'), String(identityOf(join(folder, '.git'))));
    }
    // With `commondir`, git looks for the others elsewhere: gitrepository-layout(5).
    if (
      names.has('HEAD') &&
      (names.has('commondir') || (names.has('objects') && names.has('refs')))
    ) {
      const hooks =
        entries.find(({ name }) => name === 'hooks')?.isDirectory() === true
          ? readdirSync(join(folder, 'hooks'))
          : [];
      found.set(
        path === '' ? '.' : path,
        changeTimes(folder, [
          'config',
          'config.worktree',
          'commondir',
          'hooks',
          ...hooks.toSorted().map((name) => `hooks/${name}`),
        ]),
      );
    }
  }
  return found;
}

function refuse(path: string, why: string): UserError {
  return new UserError('E_GIT', `the agent gets no copy of ${path}: ${why}`, {
    hint: 'hide it with --git none',
  });
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Where the folder says that it is worked on: a linked worktree in `gitdir`, a submodule in `core.worktree`. */
async function pointsBack(gitDir: string, pointer: string): Promise<boolean> {
  const gitdir = (await readRegularFile(join(gitDir, 'gitdir'), 4096))?.trimEnd();
  if (gitdir !== undefined) return real(resolve(gitDir, gitdir)) === real(pointer);
  const config = (await readRegularFile(join(gitDir, 'config'), mebibyte)) ?? '';
  const worktree = /^\s*worktree\s*=\s*"?([^"\n]+?)"?\s*$/m.exec(config)?.[1];
  return worktree !== undefined && real(resolve(gitDir, worktree)) === real(dirname(pointer));
}

/** Whoever left some out would lose what they name. */
function tooMany(gitDir: string): UserError {
  return new UserError('E_GIT', `${gitDir} has more refs than ai-run reads`, {
    hint: `at most ${largest.refs} in files of their own, and ${largest.packed / mebibyte} MiB packed; --git none hides the repository`,
  });
}

async function looseRefs(gitDir: string, refs: Map<string, string>): Promise<void> {
  const root = join(gitDir, 'refs');
  if (!lstatSync(root, { throwIfNoEntry: false })?.isDirectory()) return;
  let count = 0;
  for (const { path, entries } of walk(root, { folders: largest.refs, depth: 32 }, new Set())) {
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      if ((count += 1) > largest.refs) throw tooMany(gitDir);
      const ref = parseRef((await readRegularFile(join(root, path, entry.name), 1024)) ?? '');
      const name = ['refs', path, entry.name].filter((part) => part !== '').join('/');
      if (ref === undefined || !('id' in ref)) continue;
      for (const [key, id] of parseRefs(`${ref.id} ${name}`)) refs.set(key, id);
    }
  }
}

/** When files last changed, in a way that no program can set back. */
function changeTimes(folder: string, names: readonly string[]): string {
  return names
    .map(
      (name) =>
        `${name} ${lstatSync(join(folder, name), { throwIfNoEntry: false, bigint: true })?.ctimeNs}`,
    )
    .join('\n');
}
