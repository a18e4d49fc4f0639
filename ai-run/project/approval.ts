/** The user's approvals of project files: one fingerprint per project, in ~/.ai-run/approvals. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectName } from '../home/lifetime.rules.ts';
import type { ProjectFile } from './parse-project-file.rules.ts';
import { entryAt, makeFolder, using } from '../host/folder.ts';
import { sha256 } from '../startup/sha256.ts';
import { readRegularFile } from '../host/read-regular-file.ts';
import { writeAtomic } from '../host/write-atomic.ts';

/** Each file holds the fingerprint of the project file that was approved last. Agents cannot reach it: `~/.ai-*` is never shared. */
const below = '.ai-run/approvals';

/**
 * Returns the fingerprint of a file's settings in a project; comments and layout do not count. It includes the settings
 * that narrow: an approval of another folder without a network does not hold with one.
 */
export function fingerprint(project: string, file: ProjectFile): string {
  const settings = Object.entries({
    ...file,
    mounts: file.mounts?.map(({ folder, readonly }) => [folder, readonly]),
  }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify(['ai-run project file 1', project, settings]));
}

/**
 * Whether these settings were approved last. An approval that another user could have written does not count.
 * @throws UserError E_FOLDER if the approvals cannot be read.
 */
export async function isApproved(
  userHome: string,
  project: string,
  print: string,
): Promise<boolean> {
  const path = approvalFile(userHome, project);
  const found = using(folderOf(userHome), () => entryAt(path));
  if (found === undefined || (found.mode & 0o077) !== 0) return false;
  if (found.uid !== (process.getuid?.() ?? found.uid)) return false;
  return (await readRegularFile(path, 1024)) === `${print}\n`;
}

/**
 * Records an approval and replaces the project's previous one.
 * @throws UserError E_FOLDER
 */
export function approve(userHome: string, project: string, print: string): void {
  makeFolder(userHome, below);
  using(folderOf(userHome), () => writeAtomic(approvalFile(userHome, project), `${print}\n`));
}

/**
 * Removes a project's approval, so that an earlier file that an agent restores must be approved again.
 * @throws UserError E_FOLDER if the approval cannot be removed and would therefore still hold.
 */
export function forget(userHome: string, project: string): void {
  const path = approvalFile(userHome, project);
  using(folderOf(userHome), () => {
    if (entryAt(path) !== undefined) rmSync(path, { force: true });
  });
}

function approvalFile(userHome: string, project: string): string {
  return join(folderOf(userHome), projectName(project, sha256));
}

function folderOf(userHome: string): string {
  return join(userHome, below);
}
