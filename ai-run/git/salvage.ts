/** Saves the commits of a shadow in a repository of ai-run's own, without running git in the shadow. */

import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { copyObjects } from './copy-objects.ts';
import { type Environment, hostGit } from './host-git.ts';
import { checkIdentity } from './identity.ts';
import { makeOwnRepository, removeOrFail } from './own-repository.ts';
import { readHead, readRefs } from './read-refs.ts';
import { type Change, changedRefs, type Refs } from './refs.rules.ts';
import type { Shadow } from './shadow.ts';

/**
 * A shadow is hostile after its session: the agent may have written its configuration, hooks, attributes and pointers. No git of
 * the host may open it, and a fetch or a bundle would start upload-pack, which opens it. Only refs and objects are needed, and
 * both are data. So ai-run makes a second repository with its own configuration, and adds the refs, parsed and checked by
 * ai-run, and the files with names of loose objects and packs. Packs get a new index, made from their contents. The user's
 * repository then fetches from the second one: git computes every object's id again as it arrives, and `fsckObjects` checks
 * the objects' form. This needs no container, and works after the engine is gone.
 */

/** The fields of a shadow that outlive ai-run, for the verbs of `ai-run git`. */
export type KeptRepository = Pick<
  Shadow,
  'folder' | 'gitDir' | 'commonDir' | 'store' | 'objects' | 'format' | 'detached'
> & {
  /** Of `commonDir`, see {@link identityOf}; absent in records of older versions. */
  readonly identity?: string;
};

export type Saved = Change & {
  /** Commits that the repository did not have at the start of the session. */
  readonly commits: number;
};

/** More refs than people make; each costs a process. */
const mostRefs = 1000;

/** The repository with the saved commits. */
export function savedGit({ store }: Pick<KeptRepository, 'store'>): string {
  return join(store, 'saved.git');
}

/**
 * Saves the agent's commits and removes the shadow; only its objects and refs remain.
 * @returns the saved refs; empty if the agent committed nothing.
 * @throws UserError E_GIT_OBJECTS for damaged objects, E_GIT for too many refs or if the user's repository was replaced; the
 *   shadow is kept then.
 */
export async function salvage(
  kept: KeptRepository,
  before: Refs,
  env: Environment,
): Promise<readonly Saved[]> {
  const shadow = join(kept.store, 'shadow');
  const head = await readHead(shadow);
  const detached =
    head !== undefined && 'id' in head && head.id !== kept.detached ? head.id : undefined;
  const changes = changedRefs(before, await readRefs(shadow), detached);
  if (changes.length > mostRefs) {
    throw new UserError(
      'E_GIT_OBJECTS',
      `the agent left ${changes.length} branches and tags, and ${mostRefs} can be brought back`,
      {
        hint: `they stay in ${shadow}: do not run git there, because the agent wrote its configuration`,
      },
    );
  }
  const saved = changes.length === 0 ? [] : await saveChanges(kept, before, changes, env);
  removeOrFail(shadow);
  return saved;
}

async function saveChanges(
  kept: KeptRepository,
  before: Refs,
  changes: readonly Change[],
  env: Environment,
): Promise<readonly Saved[]> {
  checkIdentity(kept);
  await makeSaved(kept, before, changes, env);
  const saved: Saved[] = [];
  for (const change of changes) {
    const commits = await countCommits(kept, change, env);
    if (commits !== undefined) saved.push({ ...change, commits });
  }
  if (saved.length === 0) {
    throw new UserError('E_GIT_OBJECTS', 'git cannot read the commits that the agent left', {
      hint: "the agent's files in the project are unchanged",
    });
  }
  if (saved.length < changes.length) await makeSaved(kept, before, saved, env);
  return saved;
}

async function makeSaved(
  kept: KeptRepository,
  before: Refs,
  changes: readonly Change[],
  env: Environment,
): Promise<void> {
  const saved = savedGit(kept);
  const alternates = [join(kept.commonDir, 'objects')];
  await makeOwnRepository(saved, kept, { before, changes, alternates });
  const packs = await copyObjects(join(kept.store, 'shadow/objects'), join(saved, 'objects'));
  for (const pack of packs) {
    const indexed = await hostGit(saved, ['index-pack', pack], env);
    if (indexed.code !== 0) {
      throw new UserError(
        'E_GIT_OBJECTS',
        `git refuses a pack that the agent left: ${indexed.reason}`,
        {
          hint: "the agent's files in the project are unchanged; only its commits are lost",
        },
      );
    }
  }
}

/** The number of new commits of a ref; undefined for a tag of a blob or a missing object, which cannot be brought back. */
async function countCommits(
  kept: KeptRepository,
  { id }: Change,
  env: Environment,
): Promise<number | undefined> {
  const listed = await hostGit(
    savedGit(kept),
    ['rev-list', '--count', id, '--not', '--glob=refs/before/*'],
    env,
  );
  return listed.code === 0 ? Number(listed.stdout.trim()) : undefined;
}
