import { join } from 'node:path';
import type { Part } from '../part.rules.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { isWithin } from '../project/folders.rules.ts';
import { walk } from '../host/walk.ts';
import { planted } from './finish.ts';
import { hide, isLink } from './git.ts';
import { fingerprints, gitFolders } from './repository.ts';

type Elsewhere = {
  /** Real path of the project: what is below it is the project's own matter. */
  readonly project: string;
  /** Real paths of what else is shared. */
  readonly others: readonly string[];
  /** What is masked already, and no place to mount at. */
  readonly hidden: readonly string[];
};

/**
 * Hides every `.git` of the folders that are shared beside the project: an agent works in the project's repository, and would
 * leave in another one what git runs there.
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
        planted(root, prints, (path) => (path === '.' ? root : join(root, path))),
      ),
  };
}
