/** Covers the `.git` of a folder, so that the agent cannot see or change the repository. */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Mount } from '@ai-bakery/kernel/policy.ts';

/** An empty mount in place of a folder's `.git`. */
export function hide(project: string, folder: string): Mount {
  const target = join(project, folder, '.git');
  return lstatSync(target).isDirectory()
    ? { type: 'tmpfs', target, bytes: 1024 * 1024, mode: '0700' }
    : { type: 'bind', source: '/dev/null', target, readonly: true };
}

/** Whether `.git` is a symbolic link: a mount would cover its target and leave the link to the agent. */
export function isLink(project: string, folder: string): boolean {
  return lstatSync(join(project, folder, '.git')).isSymbolicLink();
}
