/** The masks of a session: secrets in the shared folders are hidden behind empty files and folders. */

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
import { writeAtomic } from '../host/write-atomic.ts';

/** Masks of a session. More would slow every start, and make docker's command longer than the system allows. */
const mostMasks = 500;

/** Folders that lead to masks; each is a mount as well. */
const mostPins = 1000;

/**
 * Files and folders that are searched. Each takes 5 microseconds, so the largest tree takes about a second; the source of
 * Linux has 100,000. Installed and generated folders do not count, because they are not searched.
 */
const mostEntries = 200_000;

const hideFolders =
  'hide a folder with many of them as a whole, with `mask` in .ai-run.yaml or AI_RUN_MASK, e.g. "certs/"';

/** The secrets that a search found, and the folders that it could not read. */
type Search = { readonly found: Secret[]; readonly unread: string[] };

type MaskOptions = {
  /** The caller's home folder, as a real path. */
  readonly userHome: string;
  /** The folders that are shared with the agent, by real path; the project first. */
  readonly workspaces: readonly [string, ...string[]];
  /** The user's settings, then the project's. */
  readonly settings?: readonly MaskSettings[];
  /** The limit of files and folders to search. */
  readonly most?: number;
};

/**
 * Hides the secrets in the project and in the other shared folders behind empty files and folders. A file that is made
 * later, or replaced by the host while the session runs, is not hidden.
 * @throws UserError E_MASK for a secret that docker cannot mount over, for too many secrets, and for a folder that cannot
 * be searched: no secret is left visible silently.
 */
export function openMasks({
  userHome,
  workspaces,
  settings = [],
  most = mostEntries,
}: MaskOptions): Part {
  // Each separately: one may be in a folder of another that is not searched.
  const search = findSecrets(workspaces, secretsOf(...settings), most);
  const found = distinct(search.found);
  const unnamed = found.find(({ path }) => !canBeNamed(path));
  if (unnamed !== undefined) {
    throw new UserError(
      'E_MASK',
      `cannot hide ${printable(JSON.stringify(unnamed.path))} from the agent`,
      {
        hint: 'rename it or remove it',
      },
    );
  }
  if (found.length > mostMasks) {
    throw new UserError(
      'E_MASK',
      `${found.length} files look like secrets, but at most ${mostMasks} can be hidden`,
      {
        hint: hideFolders,
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
      `${pins.length} folders lead to files that look like secrets, but at most ${mostPins} can be kept in place`,
      {
        hint: hideFolders,
      },
    );
  }
  return {
    mounts: found.length === 0 ? [] : maskMounts(found, makeEmptyFile(userHome)),
    notes: [
      ...maskNote(found, workspaces[0]),
      ...search.unread.slice(0, 1).map((folder) => {
        const others = search.unread.length > 1 ? ` and ${search.unread.length - 1} more` : '';
        return printable(`masked as a whole, because ai-run cannot read it: ${folder}${others}`);
      }),
    ],
  };
}

/** Searches shared folders for secrets, outer folders first, without following symlinks to other folders. */
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

/** Whether the path can be a mount's target. Node decodes a name that is not UTF-8 to another name, which does not exist. */
function canBeNamed(path: string): boolean {
  try {
    return isMountable(path) && lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // The path may be too long, for example.
    return false;
  }
}

/** Makes the empty file that covers others. It is not /dev/null, because data written there would be lost without an error. */
function makeEmptyFile(userHome: string): string {
  const path = join(userHome, emptyFileName);
  makeFolder(userHome, dirname(emptyFileName));
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true && found.size === 0) return path;
  writeAtomic(path, '', { mode: 0o444 });
  return path;
}

/**
 * Lists a folder. An unreadable folder is hidden as a whole, because an agent may have locked it in order to unlock it in a
 * session that did not find its secrets. The same holds for a folder whose names can be read but which cannot be entered.
 */
function entriesOf(folder: string, isRoot: boolean, search: Search): readonly Dirent[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    // Fails without the right to enter the folder.
    lstatSync(`${folder}/.`);
    return entries;
  } catch (error) {
    if (isRoot)
      throw new UserError(
        'E_MASK',
        printable(`${folder} cannot be searched for secrets: ${messageOf(error)}`),
        { hint: 'make it readable for yourself, or share another folder' },
      );
    // Removed since, or replaced by a file, which holds only what the agent may read anyway.
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
    `more than ${most} files and folders: ai-run cannot search all of them for secrets`,
    {
      hint: 'start in a smaller folder of the project, or hide a folder with generated files, with `mask` in .ai-run.yaml or AI_RUN_MASK, e.g. "generated/"',
    },
  );
}

/** Whether another part of the session mounts this path; a path cannot be mounted twice. */
function isCovered(path: string): boolean {
  return path === projectFile || /(?:^|\/)\.git$/.test(path);
}

/** Returns a symlink's target if it is shared with the agent as well. A symlink itself cannot be mounted over. */
function targetOf(path: string, roots: readonly string[]): Secret | undefined {
  try {
    const target = realpathSync.native(path);
    const shared = roots.some((root) => target !== root && isWithin(target, root));
    // The repository's own files are not shared directly.
    if (!shared || roots.includes(target) || target.split('/').includes('.git')) return undefined;
    return { path: target, kind: statSync(target).isDirectory() ? 'folder' : 'file' };
  } catch {
    return undefined;
  }
}
