/** Recognizes a repository: an agent can rename its folder and put another repository in its place. */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { isFolder } from '../host/folder.ts';

/** The inode and birth time of a folder: unique, kept when the folder moves, and not settable by a program. */
export function identityOf(folder: string): string | undefined {
  const state = lstatSync(folder, { throwIfNoEntry: false, bigint: true });
  return state === undefined ? undefined : `${state.ino}:${state.birthtimeNs}`;
}

/**
 * Checks that a repository is the one that the session started with, and that its objects are in its own folder.
 * @param identity the result of {@link identityOf} at the start, if known.
 * @throws UserError E_GIT
 */
export function checkIdentity(repository: {
  readonly commonDir: string;
  readonly identity?: string | undefined;
}): void {
  const { commonDir, identity } = repository;
  const same = identity === undefined || identityOf(commonDir) === identity;
  const whole = ['', 'objects', 'objects/pack', 'refs'].every((path) =>
    isFolder(join(commonDir, path)),
  );
  if (same && whole) return;
  throw new UserError('E_GIT', `${commonDir} was replaced since the session started`, {
    hint: "the agent's commits are kept: put the repository back in its place, and run ai-run git fetch",
  });
}
