import { type Dirent, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/error.ts';
import { isMountable } from '../core/launch.ts';
import {
  distinct,
  type IsSecret,
  isHeavy,
  maskMounts,
  maskNote,
  type MaskSettings,
  type Secret,
  secretsOf,
} from '../core/masks.ts';
import type { Part } from '../core/part.ts';
import { projectFile } from '../core/project-file.ts';
import { printable } from '../core/text.ts';
import { isWithin } from '../core/workspace.ts';
import { codeOf, makeFolder } from '../files/folder.ts';
import { writeWhole } from '../files/whole.ts';

/** More would make every start slow, and docker's command longer than a command may be. */
const mostMasks = 500;

/** What the search has found, and where it has not been. */
type Search = { readonly found: Secret[]; readonly unread: string[]; cutOff: boolean };

/** What a symlink leads to, where that is shared with the agent as well. The symlink itself is no place to mount at. */
const targetOf = (path: string, roots: readonly string[]): Secret | undefined => {
  try {
    const target = realpathSync.native(path);
    const shared = roots.some((root) => target !== root && isWithin(target, root));
    // A repository is not shared as it is.
    if (!shared || roots.includes(target) || target.split('/').includes('.git')) return undefined;
    return { path: target, kind: statSync(target).isDirectory() ? 'folder' : 'file' };
  } catch {
    return undefined;
  }
};

const entriesOf = (folder: string, search: Search): readonly Dirent[] => {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') search.unread.push(folder);
    return [];
  }
};

/** Another part of the session lies there, and nothing can be mounted twice. */
const isCovered = (path: string): boolean => path === projectFile || /(?:^|\/)\.git$/.test(path);

/** Looks for secrets in folders that are shared, from the outside in, following no symlink to another folder. */
const findSecrets = (roots: readonly string[], isSecret: IsSecret, most: number): Search => {
  const search: Search = { found: [], unread: [], cutOff: false };
  const folders = roots.map((root) => ({ root, path: '' }));
  let seen = 0;
  for (const { root, path: above } of folders) {
    for (const entry of entriesOf(join(root, above), search)) {
      if (++seen > most) return { ...search, cutOff: true };
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
};

/** An empty file that covers others. Not /dev/null: what is written there would be lost without an error. */
const makeEmptyFile = (userHome: string): string => {
  const path = join(makeFolder(userHome, '.ai-home'), '.empty');
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true && found.size === 0) return path;
  writeWhole(path, '', { mode: 0o444 });
  return path;
};

/** Node reads a name that is no UTF-8 as another one. */
const canBeNamed = (path: string): boolean =>
  isMountable(path) && lstatSync(path, { throwIfNoEntry: false }) !== undefined;

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
 * @throws UserError E_MASK for a secret that docker cannot name and for too many of them: nothing is left visible silently
 */
export const openMasks = ({
  userHome,
  workspaces,
  settings = [],
  most = 50_000,
}: MaskOptions): Part => {
  // Each for itself: one may lie in a folder of another that is not looked into.
  const search = findSecrets(workspaces, secretsOf(...settings), most);
  const found = distinct(search.found);
  const unnamed = found.find(({ path }) => !canBeNamed(path));
  if (unnamed !== undefined) {
    throw new UserError(
      'E_MASK',
      `cannot be hidden from the agent: ${printable(JSON.stringify(unnamed.path))}`,
      {
        hint: 'rename it or remove it; --no-mask hides nothing',
      },
    );
  }
  if (found.length > mostMasks) {
    throw new UserError(
      'E_MASK',
      `${found.length} files look like secrets; ${mostMasks} can be hidden`,
      {
        hint: 'name fewer in AI_RUN_MASK or .ai-run.yaml, or show some with AI_RUN_UNMASK; --no-mask hides nothing',
      },
    );
  }
  return {
    mounts: found.length === 0 ? [] : maskMounts(found, makeEmptyFile(userHome)),
    notes: [
      ...maskNote(found, workspaces[0]),
      ...search.unread.slice(0, 1).map((folder) => {
        const others = search.unread.length > 1 ? ` and ${search.unread.length - 1} more` : '';
        return printable(`not searched for secrets, because it cannot be read: ${folder}${others}`);
      }),
      ...(search.cutOff
        ? [`only ${most} files and folders were searched for secrets: others are not masked`]
        : []),
    ],
  };
};
