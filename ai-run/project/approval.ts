import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectName } from '../home/lifetime.rules.ts';
import type { ProjectFile } from './parse-project-file.rules.ts';
import { entryAt, makeFolder, using } from '../host/folder.ts';
import { sha256 } from '../startup/sha256.ts';
import { readPlain } from '../host/read-plain.ts';
import { writeWhole } from '../host/write-whole.ts';

/**
 * What the user has approved of each project's file, `~/.ai-run/approvals/<project>`: one hash, of the last file that was
 * approved. No agent reaches it: `~/.ai-*` is never shared.
 */

const below = '.ai-run/approvals';

/**
 * The identity of a file's settings in a project: comments and layout aside, all of them. What is narrowed is part of what
 * was approved: a folder more is another thing without a network than with one.
 */
export function identify(project: string, file: ProjectFile): string {
  const settings = Object.entries({
    ...file,
    mounts: file.mounts?.map(({ folder, readonly }) => [folder, readonly]),
  }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify(['ai-run project file 1', project, settings]));
}

/**
 * Whether this is what was approved last; a note that somebody else could have written counts for nothing.
 * @throws UserError E_FOLDER where that cannot be told.
 */
export async function isApproved(
  userHome: string,
  project: string,
  identity: string,
): Promise<boolean> {
  const path = pathOf(userHome, project);
  const found = using(folderOf(userHome), () => entryAt(path));
  if (found === undefined || (found.mode & 0o077) !== 0) return false;
  if (found.uid !== (process.getuid?.() ?? found.uid)) return false;
  return (await readPlain(path, 1024)) === `${identity}\n`;
}

/**
 * Takes note of an approval, in the place of the last one.
 * @throws UserError E_FOLDER
 */
export function approve(userHome: string, project: string, identity: string): void {
  makeFolder(userHome, below);
  using(folderOf(userHome), () => writeWhole(pathOf(userHome, project), `${identity}\n`));
}

/**
 * Forgets what was approved: an earlier file that an agent brings back has to be approved again.
 * @throws UserError E_FOLDER where it cannot: it would be remembered then.
 */
export function forget(userHome: string, project: string): void {
  const path = pathOf(userHome, project);
  using(folderOf(userHome), () => {
    if (entryAt(path) !== undefined) rmSync(path, { force: true });
  });
}

function pathOf(userHome: string, project: string): string {
  return join(folderOf(userHome), projectName(project, sha256));
}

function folderOf(userHome: string): string {
  return join(userHome, below);
}
