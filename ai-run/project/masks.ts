import { type Dirent, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { isMountable } from '@ai-bakery/kernel/launch.ts';
import {
  distinct,
  emptyFileName,
  foldersAbove,
  type IsSecret,
  isHeavy,
  maskMounts,
  maskNote,
  type MaskSettings,
  type Secret,
  secretsOf,
} from './secrets.rules.ts';
import type { Part } from '../part.rules.ts';
import { projectFile } from './parse-project-file.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { isWithin } from './folders.rules.ts';
import { codeOf, makeFolder } from '../host/folder.ts';
import { writeWhole } from '../host/write-whole.ts';

/** More would make every start slow, and docker's command longer than a command may be. */
const mostMasks = 500;

/** Folders that lead to masks: each is a mount as well. */
const mostPins = 1000;

/**
 * Files and folders that are looked at. Each takes 5 microseconds, so that the largest tree takes about a second; the
 * source of Linux has 100,000. Installed and generated folders do not count: they are not looked into.
 */
const mostEntries = 200_000;

const showNothing = '--no-mask hides nothing';

/** What the search has found, and where it could not look. */
type Search = { readonly found: Secret[]; readonly unread: string[] };

type MaskOptions = {
  /** The caller's home folder, as a real path. */
  readonly userHome: string;
  /** Everything that is shared with the agent, by real path; the project first. */
  readonly workspaces: readonly [string, ...string[]];
  /** The user's and the project's, in this order. */
  readonly settings?: readonly MaskSettings[];
  /** How many files and folders are looked at. */
  readonly most?: number;
};

/**
 * Hides the secrets of the project, and of what else is shared, behind empty files and folders. What is made later, or
 * replaced by the host while the session runs, is not hidden.
 * @throws UserError E_MASK for a secret that docker cannot name, for too many of them, and for what cannot be searched:
 * nothing is left visible silently
 */
export function openMasks({
  userHome,
  workspaces,
  settings = [],
  most = mostEntries,
}: MaskOptions): Part {
  // Each for itself: one may lie in a folder of another that is not looked into.
  const search = findSecrets(workspaces, secretsOf(...settings), most);
  const found = distinct(search.found);
  const unnamed = found.find(({ path }) => !canBeNamed(path));
  if (unnamed !== undefined) {
    throw new UserError(
      'E_MASK',
      `cannot be hidden from the agent: ${printable(JSON.stringify(unnamed.path))}`,
      {
        hint: `rename it or remove it; ${showNothing}`,
      },
    );
  }
  if (found.length > mostMasks) {
    throw new UserError(
      'E_MASK',
      `${found.length} files look like secrets; ${mostMasks} can be hidden`,
      {
        hint: `name fewer in AI_RUN_MASK or .ai-run.yaml, or show some with AI_RUN_UNMASK; ${showNothing}`,
      },
    );
  }
  const pins = foldersAbove(
    found.map(({ path }) => path),
    workspaces,
  );
  if (pins.length > mostPins) {
    throw new UserError(
      'E_MASK',
      `${pins.length} folders lead to files that look like secrets; ${mostPins} can be kept in place`,
      {
        hint: `name fewer in AI_RUN_MASK or .ai-run.yaml, or show some with AI_RUN_UNMASK; ${showNothing}`,
      },
    );
  }
  return {
    mounts: found.length === 0 ? [] : maskMounts(found, makeEmptyFile(userHome)),
    notes: [
      ...maskNote(found, workspaces[0]),
      ...search.unread.slice(0, 1).map((folder) => {
        const others = search.unread.length > 1 ? ` and ${search.unread.length - 1} more` : '';
        return printable(`masked as a whole, because it cannot be read: ${folder}${others}`);
      }),
    ],
  };
}

/** Looks for secrets in folders that are shared, from the outside in, following no symlink to another folder. */
function findSecrets(roots: readonly string[], isSecret: IsSecret, most: number): Search {
  const search: Search = { found: [], unread: [] };
  const folders = roots.map((root) => ({ root, path: '' }));
  let seen = 0;
  for (const { root, path: above } of folders) {
    for (const entry of entriesOf(join(root, above), above === '', search)) {
      if (++seen > most) throw tooLarge(most);
      const path = join(above, entry.name);
      if (isCovered(path) || roots.includes(join(root, path))) continue;
      const secret = entry.isSymbolicLink()
        ? targetOf(join(root, path), roots)
        : ({ path: join(root, path), kind: entry.isDirectory() ? 'folder' : 'file' } as const);
      if (secret === undefined) continue;
      if (isSecret(path, secret.kind)) search.found.push(secret);
      else if (entry.isDirectory() && !isHeavy(entry.name)) folders.push({ root, path });
    }
  }
  return search;
}

/** Node reads a name that is no UTF-8 as another one. */
function canBeNamed(path: string): boolean {
  try {
    return isMountable(path) && lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // Longer than a path may be, for example.
    return false;
  }
}

/** An empty file that covers others. Not /dev/null: what is written there would be lost without an error. */
function makeEmptyFile(userHome: string): string {
  const path = join(userHome, emptyFileName);
  makeFolder(userHome, dirname(emptyFileName));
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true && found.size === 0) return path;
  writeWhole(path, '', { mode: 0o444 });
  return path;
}

/**
 * What is in a folder. One that cannot be read is hidden as a whole: an agent may have locked it, to unlock it in a
 * session that has not found its secrets. Nothing is known of it either where only its names can be read.
 */
function entriesOf(folder: string, isRoot: boolean, search: Search): readonly Dirent[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    // Needs the right to enter the folder.
    lstatSync(`${folder}/.`);
    return entries;
  } catch (error) {
    if (isRoot)
      throw new UserError(
        'E_MASK',
        printable(`${folder} cannot be searched for secrets: ${messageOf(error)}`),
        { hint: `make it readable for you, or share another folder; ${showNothing}` },
      );
    // Gone since, or replaced by what the agent may read anyway.
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') {
      search.unread.push(folder);
      search.found.push({ path: folder, kind: 'folder' });
    }
    return [];
  }
}

function tooLarge(most: number): UserError {
  return new UserError(
    'E_MASK',
    `more than ${most} files and folders: not all can be searched for secrets`,
    {
      hint: `start in a folder of the project that is smaller, or move out what was generated; ${showNothing}`,
    },
  );
}

/** Another part of the session lies there, and nothing can be mounted twice. */
function isCovered(path: string): boolean {
  return path === projectFile || /(?:^|\/)\.git$/.test(path);
}

/** What a symlink leads to, where that is shared with the agent as well. The symlink itself is no place to mount at. */
function targetOf(path: string, roots: readonly string[]): Secret | undefined {
  try {
    const target = realpathSync.native(path);
    const shared = roots.some((root) => target !== root && isWithin(target, root));
    // A repository is not shared as it is.
    if (!shared || roots.includes(target) || target.split('/').includes('.git')) return undefined;
    return { path: target, kind: statSync(target).isDirectory() ? 'folder' : 'file' };
  } catch {
    return undefined;
  }
}
