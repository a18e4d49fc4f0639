import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { isRefName } from './refs.rules.ts';
import { makeFolder } from '../host/folder.ts';
import { removeTree } from '../host/tree.ts';
import { type Environment, hostGit } from './host-git.ts';
import { checkPlace, readRefs } from './repository.ts';
import { type Kept, makeOwn, savedGit } from './salvage.ts';

/**
 * Handing what was saved to the user's repository. That one may lie below the project, where an agent could have put or
 * configured it: no git runs in it. One of ours takes the commits instead, with the user's folder of objects as its own, and
 * the refs are written as data, the way git itself writes them.
 */

/** A branch as it was brought: `ai/<session>/<branch>`, and its commit. */
export type Delivered = { readonly name: string; readonly id: string };

/**
 * Brings what was saved into the user's repository, as `refs/remotes/<place>/*`.
 * @param place `ai/<session>`
 * @throws UserError E_GIT_FETCH with git's reason, E_GIT where it is another repository now; what was saved stays.
 */
export async function deliver(
  kept: Kept,
  { session, place }: { readonly session: string; readonly place: string },
  env: Environment,
): Promise<readonly Delivered[]> {
  checkPlace(kept);
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
    throw new UserError(
      'E_GIT_FETCH',
      `git does not take the commits of ${session}: ${fetched.reason}`,
      {
        hint: `they stay in ${savedGit(kept)}; ai-run git drop ${session} removes them`,
      },
    );
  }
  const delivered = [...(await readRefs(taker))].flatMap(([ref, id]) =>
    ref.startsWith('refs/ai/') ? [{ name: `${place}/${ref.slice('refs/ai/'.length)}`, id }] : [],
  );
  for (const { name, id } of delivered)
    if (isRefName(`refs/remotes/${name}`)) writeRef(kept.commonDir, `refs/remotes/${name}`, id);
  removeTree(taker);
  return delivered;
}

/** Whether a commit that was brought goes on from another one, as the repository of what was saved sees it. */
export async function goesOn(
  kept: Kept,
  older: string,
  newer: string,
  env: Environment,
): Promise<boolean> {
  return (
    (await hostGit(savedGit(kept), ['merge-base', '--is-ancestor', older, newer], env)).code === 0
  );
}

async function makeTaker(kept: Kept): Promise<string> {
  const taker = join(kept.store, 'taker.git');
  // What the user has need not come again.
  const before = await readRefs(kept.commonDir);
  await makeOwn(taker, kept, { before, partial: isPartial(kept.commonDir) });
  return taker;
}

/** As git does: a lock that is there means that somebody else writes it. gitrepository-layout(5) */
function writeRef(commonDir: string, ref: string, id: string): void {
  makeFolder(commonDir, dirname(ref));
  const lock = join(commonDir, `${ref}.lock`);
  try {
    writeFileSync(lock, `${id}\n`, { flag: 'wx', mode: 0o644 });
    renameSync(lock, join(commonDir, ref));
  } catch (error) {
    throw new UserError('E_GIT_FETCH', `${ref} cannot be written: ${messageOf(error)}`, {
      hint: `where nothing else writes to it, remove ${lock}, and fetch again`,
      cause: error,
    });
  }
}

/** A clone without all objects has packs that say so; what is missing then is no damage. git-clone(1), `--filter`. */
function isPartial(commonDir: string): boolean {
  return readdirSync(join(commonDir, 'objects/pack')).some((name) => name.endsWith('.promisor'));
}
