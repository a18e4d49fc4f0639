/** Hides the repositories of the folders that are shared beside the project. */

import { join } from 'node:path';
import type { Part } from '../part.rules.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { isWithin } from '../project/folders.rules.ts';
import { walk } from '../host/walk.ts';
import { fingerprints, plantedNotes } from './fingerprints.ts';
import { hide, isLink } from './hide.ts';
import { gitFolders } from './locate.ts';

type Elsewhere = {
  /** Real path of the project; `openGit` covers the repositories below it. */
  readonly project: string;
  /** Real paths of the other shared folders. */
  readonly others: readonly string[];
  /** Real paths of masked files and folders: a mount below them is impossible. */
  readonly hidden: readonly string[];
};

/**
 * Hides every `.git` in the folders that are shared beside the project: an agent needs the project's repository only, and could
 * plant hooks and settings in the others.
 */
export function openElsewhere({ project, others, hidden }: Elsewhere): Part {
  const mounts: Mount[] = [];
  const notes: string[] = [];
  const roots = others.filter((root) => !isWithin(root, project));
  const before = roots.map((root) => {
    const tree = walk(root);
    for (const folder of gitFolders(tree)) {
      const path = join(root, folder);
      const isCovered =
        isWithin(path, project) ||
        hidden.some((one) => isWithin(path, one)) ||
        mounts.some(({ target }) => target === join(path, '.git'));
      if (isCovered) continue;
      if (isLink(root, folder))
        notes.push(`git: ${printable(path)}/.git is a symbolic link, which cannot be covered`);
      else mounts.push(hide(root, folder));
    }
    return { root, prints: fingerprints(root, tree) };
  });
  return {
    mounts,
    notes: [
      ...mounts.map(({ target }) => `git: ${printable(target)} is hidden from the agent`),
      ...notes,
    ],
    finish: async () =>
      before.flatMap(({ root, prints }) =>
        plantedNotes(root, prints, (path) => (path === '.' ? root : join(root, path))),
      ),
  };
}
