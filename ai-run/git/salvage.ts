import { constants, lstatSync } from 'node:fs';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Change, changedRefs, type Refs } from './refs.rules.ts';
import { removeTree } from '../host/tree.ts';
import { type Environment, hostGit } from './host-git.ts';
import { checkPlace, isFolder, readHead, readRefs } from './repository.ts';
import { type Shadow, writeSkeleton } from './shadow.ts';

/**
 * Bringing back what an agent committed. A shadow is hostile after its session: its configuration, hooks, attributes and
 * pointers are whatever the agent wrote, so no git of the host may open it, and upload-pack, which a fetch from it or a
 * bundle of it would start, opens it. What is wanted is refs and objects only, and both are data. So a second repository
 * is made here from nothing, with configuration of ours; into it go the refs, parsed and checked by us, and files whose
 * names are those of loose objects and packs. Packs get a new index, made of their contents. The user's repository then
 * fetches from that one: git computes every object's id again as it arrives, and `fsckObjects` checks their form. It
 * takes no container, and works when the engine is gone.
 */

/** The parts of a shadow that outlive ai-run: what the verbs of `ai-run git` read back. */
export type Kept = Pick<
  Shadow,
  'folder' | 'gitDir' | 'commonDir' | 'store' | 'objects' | 'format' | 'detached'
> & {
  /** Of `commonDir`, see {@link identityOf}; absent in what an older ai-run has kept. */
  readonly identity?: string;
};

export type Saved = Change & {
  /** Commits that the repository did not have when the session began. */
  readonly commits: number;
};

/** More refs than people make; each costs a process. */
const most = 1000;

type Own = {
  /** What the user has: `refs/before/*`. */
  readonly before: Refs;
  /** What the agent has committed: `refs/ai/*`. */
  readonly changes?: readonly Change[];
  readonly alternates?: readonly string[];
  /** Whether objects may be missing that a remote has promised: git-clone(1), `--filter`. */
  readonly partial?: boolean;
};

export function savedGit({ store }: Pick<Kept, 'store'>): string {
  return join(store, 'saved.git');
}

/** Makes a repository of ours, with configuration of ours, that stands for the user's. */
export async function makeOwn(
  folder: string,
  { commonDir, format }: Kept,
  { before, changes = [], alternates = [], partial = false }: Own,
): Promise<void> {
  remove(folder);
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
  // Where history ends is the user's word, not the agent's.
  const shallow = join(commonDir, 'shallow');
  if (lstatSync(shallow, { throwIfNoEntry: false })?.isFile() === true)
    await copyFile(shallow, join(folder, 'shallow'));
}

/**
 * Saves what was committed in a shadow, and removes the shadow: from then on nothing of it is left but objects and refs.
 * @returns nothing where the agent committed nothing.
 * @throws UserError E_GIT_OBJECTS where its objects are damaged, E_GIT where its refs are too many or the repository is another one
 *   now; the shadow stays.
 */
export async function salvage(
  kept: Kept,
  before: Refs,
  env: Environment,
): Promise<readonly Saved[]> {
  const shadow = join(kept.store, 'shadow');
  const head = await readHead(shadow);
  const detached =
    head !== undefined && 'id' in head && head.id !== kept.detached ? head.id : undefined;
  const changes = changedRefs(before, await readRefs(shadow), detached);
  if (changes.length > most) {
    throw new UserError(
      'E_GIT_OBJECTS',
      `the agent left ${changes.length} branches and tags, and ${most} can be brought back`,
      {
        hint: `they stay in ${shadow}, where no git should run: what it says there is the agent's`,
      },
    );
  }
  const saved: Saved[] = [];
  if (changes.length > 0) {
    checkPlace(kept);
    await makeSaved(kept, before, changes, env);
    for (const change of changes) {
      const counted = await count(kept, change, env);
      if (counted !== undefined) saved.push(counted);
    }
    if (saved.length === 0) {
      throw new UserError('E_GIT_OBJECTS', 'git cannot read the commits that the agent left', {
        hint: 'its files in the project are as it left them',
      });
    }
    if (saved.length < changes.length) await makeSaved(kept, before, saved, env);
  }
  remove(shadow);
  return saved;
}

function remove(path: string): void {
  if (removeTree(path)) return;
  throw new UserError('E_GIT_OBJECTS', `${path} cannot be removed`, {
    hint: 'look at what is in it',
  });
}

async function makeSaved(
  kept: Kept,
  before: Refs,
  changes: readonly Change[],
  env: Environment,
): Promise<void> {
  const saved = savedGit(kept);
  await makeOwn(saved, kept, { before, changes, alternates: [join(kept.commonDir, 'objects')] });
  for (const pack of await copyObjects(
    join(kept.store, 'shadow/objects'),
    join(saved, 'objects'),
  )) {
    const indexed = await hostGit(saved, ['index-pack', pack], env);
    if (indexed.code !== 0) {
      throw new UserError(
        'E_GIT_OBJECTS',
        `git refuses a pack that the agent left: ${indexed.reason}`,
        {
          hint: 'its files in the project are as it left them; only its commits are lost',
        },
      );
    }
  }
}

async function count(kept: Kept, change: Change, env: Environment): Promise<Saved | undefined> {
  const listed = await hostGit(
    savedGit(kept),
    ['rev-list', '--count', change.id, '--not', '--glob=refs/before/*'],
    env,
  );
  // A tag of a blob, or what is not there: nothing that could be brought back.
  return listed.code === 0 ? { ...change, commits: Number(listed.stdout.trim()) } : undefined;
}

/** Copies objects and returns the packs among them. Only regular files, in real folders: a link could name any file. */
async function copyObjects(from: string, to: string): Promise<string[]> {
  const packs: string[] = [];
  if (!isFolder(from)) return packs;
  for (const folder of await readdir(from)) {
    if (!isFolder(join(from, folder))) continue;
    for (const entry of await readdir(join(from, folder), { withFileTypes: true })) {
      const pack = folder === 'pack' && isPack(entry.name);
      if (!entry.isFile() || !(pack || isLoose(folder, entry.name))) continue;
      await mkdir(join(to, folder), { recursive: true });
      await copyFile(
        join(from, folder, entry.name),
        join(to, folder, entry.name),
        constants.COPYFILE_FICLONE,
      );
      if (pack) packs.push(join(to, folder, entry.name));
    }
  }
  return packs;
}

function isPack(name: string): boolean {
  return /^pack-[0-9a-f]{40,64}\.pack$/.test(name);
}

/** Names of files that git gives to loose objects and packs; a pack's index is not believed but made again. */
function isLoose(folder: string, name: string): boolean {
  return /^[0-9a-f]{2}$/.test(folder) && /^(?:[0-9a-f]{38}|[0-9a-f]{62})$/.test(name);
}
