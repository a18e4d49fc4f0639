/** Makes a repository of ai-run's own, with ai-run's configuration: git of the host may run in it. */

import { lstatSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { removeTree } from '../host/tree.ts';
import type { Change, Refs } from './refs.rules.ts';
import type { Shadow } from './shadow.ts';
import { writeSkeleton } from './skeleton.ts';

type Contents = {
  /** The user's refs, stored as `refs/before/*`. */
  readonly before: Refs;
  /** The agent's commits, stored as `refs/ai/*`. */
  readonly changes?: readonly Change[];
  readonly alternates?: readonly string[];
  /** Whether objects may be missing that a remote has promised: git-clone(1), `--filter`. */
  readonly partial?: boolean;
};

/** Makes the repository, in place of an earlier one, for commits of the given repository of the user. */
export async function makeOwnRepository(
  folder: string,
  { commonDir, format }: Pick<Shadow, 'commonDir' | 'format'>,
  { before, changes = [], alternates = [], partial = false }: Contents,
): Promise<void> {
  removeOrFail(folder);
  const extensions = [
    ...(format === 'sha256' ? ['objectformat = sha256'] : []),
    ...(partial ? ['partialclone = origin'] : []),
  ];
  await writeSkeleton(folder, {
    config: [
      `[core]\n\trepositoryformatversion = ${extensions.length === 0 ? 0 : 1}\n\tbare = true\n`,
      ...(extensions.length === 0 ? [] : [`[extensions]\n\t${extensions.join('\n\t')}\n`]),
      ...(partial ? ['[remote "origin"]\n\tpromisor = true\n'] : []),
    ].join(''),
    head: 'ref: refs/heads/none',
    refs: new Map([
      ...[...before].map(([name, id]) => [name.replace('refs/', 'refs/before/'), id] as const),
      ...changes.map(({ name, id }) => [`refs/ai/${name}`, id] as const),
    ]),
    alternates,
  });
  // The end of a shallow history comes from the user's repository, never from the agent's.
  const shallow = join(commonDir, 'shallow');
  if (lstatSync(shallow, { throwIfNoEntry: false })?.isFile() === true)
    await copyFile(shallow, join(folder, 'shallow'));
}

/** @throws UserError E_GIT_OBJECTS if the folder cannot be removed. */
export function removeOrFail(path: string): void {
  if (removeTree(path)) return;
  throw new UserError('E_GIT_OBJECTS', `${path} cannot be removed`, {
    hint: 'check the permissions of the files in it',
  });
}
