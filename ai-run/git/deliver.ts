/** Delivers saved commits to the user's repository, without running git in it. */

import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { isRefName } from './refs.rules.ts';
import { makeFolder } from '../host/folder.ts';
import { removeTree } from '../host/tree.ts';
import { type Environment, hostGit } from './host-git.ts';
import { checkIdentity } from './identity.ts';
import { makeOwnRepository } from './own-repository.ts';
import { readRefs } from './read-refs.ts';
import { type KeptRepository, savedGit } from './salvage.ts';

/**
 * The user's repository may be below the project, where an agent could have made or configured it: no git runs in it. A
 * repository of ai-run's own fetches the commits, with the user's object folder as its own, and ai-run writes the refs as
 * files, in git's format.
 */

/** A delivered branch: `ai/<session>/<branch>`, and its commit. */
export type Delivered = { readonly name: string; readonly id: string };

/**
 * Writes the saved commits into the user's repository, as `refs/remotes/<place>/*`.
 * @param place `ai/<session>`
 * @throws UserError E_GIT_FETCH with git's reason, E_GIT if the repository was replaced; the saved commits are kept then.
 */
export async function deliver(
  kept: KeptRepository,
  { session, place }: { readonly session: string; readonly place: string },
  env: Environment,
): Promise<readonly Delivered[]> {
  checkIdentity(kept);
  const taker = await makeTaker(kept);
  const fetched = await hostGit(
    taker,
    ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'].concat([
      '--refmap=',
      savedGit(kept),
      '+refs/ai/*:refs/ai/*',
    ]),
    env,
    { objects: join(kept.commonDir, 'objects') },
  );
  if (fetched.code !== 0) {
    throw new UserError('E_GIT_FETCH', `git refuses the commits of ${session}: ${fetched.reason}`, {
      hint: `the commits are kept in ${savedGit(kept)}; ai-run git drop ${session} removes them`,
    });
  }
  const delivered = [...(await readRefs(taker))].flatMap(([ref, id]) =>
    ref.startsWith('refs/ai/') ? [{ name: `${place}/${ref.slice('refs/ai/'.length)}`, id }] : [],
  );
  for (const { name, id } of delivered)
    if (isRefName(`refs/remotes/${name}`)) writeRef(kept.commonDir, `refs/remotes/${name}`, id);
  removeTree(taker);
  return delivered;
}

/** Whether a delivered commit descends from another one, according to the repository of the saved commits. */
export async function descends(
  kept: KeptRepository,
  older: string,
  newer: string,
  env: Environment,
): Promise<boolean> {
  return (
    (await hostGit(savedGit(kept), ['merge-base', '--is-ancestor', older, newer], env)).code === 0
  );
}

async function makeTaker(kept: KeptRepository): Promise<string> {
  const taker = join(kept.store, 'taker.git');
  // The user's refs keep git from copying objects that the user has.
  const before = await readRefs(kept.commonDir);
  await makeOwnRepository(taker, kept, { before, partial: isPartial(kept.commonDir) });
  return taker;
}

/** Writes a ref with git's lock file: an existing lock means that another process writes the ref. gitrepository-layout(5) */
function writeRef(commonDir: string, ref: string, id: string): void {
  makeFolder(commonDir, dirname(ref));
  const lock = join(commonDir, `${ref}.lock`);
  try {
    writeFileSync(lock, `${id}\n`, { flag: 'wx', mode: 0o644 });
    renameSync(lock, join(commonDir, ref));
  } catch (error) {
    throw new UserError('E_GIT_FETCH', `${ref} cannot be written: ${messageOf(error)}`, {
      hint: `if no other program writes to it, remove ${lock}, and fetch again`,
      cause: error,
    });
  }
}

/** Whether the repository is a partial clone, whose packs are marked: missing objects are not damage then. git-clone(1), `--filter`. */
function isPartial(commonDir: string): boolean {
  return readdirSync(join(commonDir, 'objects/pack')).some((name) => name.endsWith('.promisor'));
}
