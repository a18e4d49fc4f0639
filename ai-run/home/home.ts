import { readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { belowHome, cachesOf, projectName, type Kept, outermost } from './lifetime.rules.ts';
import type { Part } from '../part.rules.ts';
import { home as containerHome, type Mount, type Policy } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { holdFolder, makeFolder, makePrivate } from '../host/folder.ts';
import { sha256 } from '../startup/sha256.ts';
import { seedHome, unfinished } from './seed.ts';
import { sweep } from './sweep.ts';

type HomeOptions = {
  /** The caller's home folder, as a real path. */
  readonly userHome: string;
  /** The project's real path. */
  readonly project: string;
  readonly contract: Kept;
  /** Who the container runs as: `containerUser`. */
  readonly user: Policy['user'];
  /** Folders that are mounted at their own paths; they may lie below the container's home. */
  readonly workspaces?: readonly string[];
  /** Whether a session of this agent in this project runs that is not the caller's own. */
  readonly busy: () => Promise<boolean>;
};

/**
 * The private home of an agent's sessions in one project, `~/.ai-home/<agent>/<project>`, and the agent's
 * caches, `~/.ai-cache/<agent>/…`. A home is one folder, because agents replace their files by renaming. What the
 * contract does not name is removed when the session has ended, or before the next one where it was killed, so that
 * nothing planted beside the state survives. A new home starts with the state in `~/.ai-home/<agent>/global/`.
 * @throws UserError E_FOLDER, E_HOME for what is in the way
 */
export async function openHome(options: HomeOptions): Promise<Part & { readonly home: string }> {
  const { userHome, project, contract, user, busy } = options;
  const folder = makeFolder(userHome, `.ai-home/${contract.agent}`);
  const trash = makeFolder(folder, '.trash');
  const state = outermost(contract.state);
  const home = findHome(folder, projectName(project, sha256), state, user);
  const caches = cachesOf(contract);
  // Made here, or the engine makes them, and they are root's.
  const mountPoints = [...caches, ...belowHome(options.workspaces ?? [])];
  const clean = () => sweep(home, trash, [...state, ...mountPoints], busy);
  await clean();
  for (const path of mountPoints) makeFolder(home, path, { owner: user, replace: true });
  const mounts = caches.map((path) => {
    makeFolder(userHome, `.ai-cache/${contract.agent}`);
    return bind(makeFolder(userHome, `.ai-cache/${contract.agent}/${path}`, { owner: user }), path);
  });
  return {
    home,
    mounts: [bind(home, ''), ...mounts],
    finish: async () => {
      const stuck = await clean();
      if (stuck.length === 0) return [];
      return [printable(`could not be removed from ${home}: ${stuck.join(', ')}`)];
    },
  };
}

/** The folder of the home, made where there is none. */
function findHome(folder: string, name: string, state: readonly string[], user: Policy['user']) {
  const home = join(folder, name);
  seedHome(home, join(folder, 'global'), state, user);
  makeFolder(folder, name, { owner: user });
  // Left by a start that was killed; where another start is at it, it falls back on the home that there is.
  for (const one of readdirSync(folder)) {
    if (one.startsWith(`${name}${unfinished}`))
      rmSync(join(folder, one), { recursive: true, force: true });
  }
  if (realpathSync.native(home) !== home) {
    throw new UserError('E_HOME', `${printable(home)} is not where it seems to be`, {
      hint: 'remove it',
    });
  }
  const held = holdFolder(home);
  try {
    const { uid } = statSync(held.path);
    if (uid !== user.uid) {
      throw new UserError(
        'E_HOME',
        `${printable(home)} belongs to uid ${uid}, and the agent runs as uid ${user.uid}`,
        { hint: 'give it to that user with chown, or remove it' },
      );
    }
    makePrivate(held);
  } finally {
    held.close();
  }
  return home;
}

function bind(source: string, path: string): Mount {
  return {
    type: 'bind',
    source,
    target: path === '' ? containerHome : `${containerHome}/${path}`,
    readonly: false,
  };
}
