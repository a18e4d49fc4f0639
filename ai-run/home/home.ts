/** The agent's private home in one project, with its caches. */

import { readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { belowHome, cachesOf, outermost, projectName } from './lifetime.rules.ts';
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
  /** The name of the agent, as its contract states it. */
  readonly agent: string;
  /** Paths below the home that outlive a session. */
  readonly state: readonly string[];
  /** Paths below the home that all projects share, with no state in them. */
  readonly caches: readonly string[];
  /** The user of the container: `containerUser`. */
  readonly user: Policy['user'];
  /** Folders that are mounted at their own paths, possibly below the container's home. */
  readonly workspaces?: readonly string[];
  /** Whether another session of this agent runs in this project. */
  readonly busy: () => Promise<boolean>;
};

/**
 * Opens the private home of an agent's sessions in one project, `~/.ai-home/<agent>/<project>`, and the agent's caches,
 * `~/.ai-cache/<agent>/…`. A home is one folder, because agents replace their files by renaming. All files outside the state
 * and the caches are removed at the end of the session, or before the next one if it was killed, so that nothing planted there
 * survives. A new home starts with the state in `~/.ai-home/<agent>/global/`.
 * @throws UserError E_FOLDER, E_HOME if a path is not a usable folder of the container's user
 */
export async function openHome(options: HomeOptions): Promise<Part & { readonly home: string }> {
  const { userHome, project, agent, user, busy } = options;
  const folder = makeFolder(userHome, `.ai-home/${agent}`);
  const trash = makeFolder(folder, '.trash');
  const state = outermost(options.state);
  const home = findHome(folder, projectName(project, sha256), state, user);
  const caches = cachesOf(options);
  // Made here, because the engine would make them as root.
  const mountPoints = [...caches, ...belowHome(options.workspaces ?? [])];
  const clean = () => sweep(home, trash, [...state, ...mountPoints], busy);
  await clean();
  for (const path of mountPoints) makeFolder(home, path, { owner: user, replace: true });
  const mounts = caches.map((path) => {
    makeFolder(userHome, `.ai-cache/${agent}`);
    return bind(makeFolder(userHome, `.ai-cache/${agent}/${path}`, { owner: user }), path);
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

/** The folder of the home; makes it if it does not exist. */
function findHome(folder: string, name: string, state: readonly string[], user: Policy['user']) {
  const home = join(folder, name);
  seedHome(home, join(folder, 'global'), state, user);
  makeFolder(folder, name, { owner: user });
  // Removes homes left half-made by killed starts; a concurrent start falls back to the existing one.
  for (const one of readdirSync(folder)) {
    if (one.startsWith(`${name}${unfinished}`))
      rmSync(join(folder, one), { recursive: true, force: true });
  }
  const real = realpathSync.native(home);
  if (real !== home) {
    throw new UserError('E_HOME', `${printable(home)} leads to another path, ${printable(real)}`, {
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
        { hint: 'change its owner with chown, or remove it' },
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
