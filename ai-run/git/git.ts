import { lstatSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { type GitMode, isSessionName, maskedNotes } from './modes.rules.ts';
import type { Part } from '../part.rules.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { formatRefs } from './refs.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { isWithin } from '../project/folders.rules.ts';
import { finish, keep, planted, sessionFolder, writeRecord } from './finish.ts';
import { relativeTo, trackedOf } from './hidden.ts';
import type { Environment } from './host-git.ts';
import { fingerprints, gitFolders, readRepository, repositoryAbove } from './repository.ts';
import { makeShadow, type Shadow } from './shadow.ts';
import { bounds, type Folder } from '../host/walk.ts';

export type GitOptions = {
  /** Real path of the folder that is mounted at its own path. */
  readonly project: string;
  /** What `walk` finds in it. */
  readonly tree: readonly Folder[];
  readonly mode: GitMode;
  /** Names the folder below `~/.ai-run/git` and the refs of `ai-run git fetch`. */
  readonly session: string;
  /** The caller's home folder. */
  readonly home: string;
  /** Who the agent is in the container: `harden(…).user`. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** For git on the host: PATH, HOME and XDG_CONFIG_HOME are used. */
  readonly env: Environment;
  /** What is masked, by real path. */
  readonly hidden?: readonly string[];
};

/** More repositories than a project has; each is a process and two mounts at the start. */
const most = 32;

/** A mount over a symbolic link would cover what it names, and leave the link to the agent. */
export function isLink(project: string, folder: string): boolean {
  return lstatSync(join(project, folder, '.git')).isSymbolicLink();
}

/** Puts nothing in the place of a folder's `.git`. */
export function hide(project: string, folder: string): Mount {
  const target = join(project, folder, '.git');
  return lstatSync(target).isDirectory()
    ? { type: 'tmpfs', target, bytes: 1024 * 1024, mode: '0700' }
    : { type: 'bind', source: '/dev/null', target, readonly: true };
}

/**
 * What a session does with the repositories of a project: the one at its root, submodules, linked worktrees and whatever
 * else has a `.git` in it.
 * @throws UserError E_GIT where the project's own can be neither hidden nor copied rightly; the hint names the flag that helps.
 */
export async function openGit(options: GitOptions): Promise<Part> {
  const { project, tree: folders, mode, session, hidden = [], env } = options;
  if (!isSessionName(session)) {
    throw new UserError(
      'E_SESSION',
      `${JSON.stringify(session)} is no name of a session: letters, digits and ._- only`,
    );
  }
  if (mode === 'live') {
    const tracked = await trackedOf(join(project, '.git'), relativeTo(project, hidden), env);
    return {
      env: safeFolders([project]),
      notes: [
        ...maskedNotes('', tracked, false),
        'git: .git is shared as it is: the agent can plant hooks and settings in it that run on your machine when you use git here',
      ],
    };
  }
  // What is in a masked folder is not there for the agent, and no place to mount at.
  const dotGits = gitFolders(folders).filter(
    (folder) => !hidden.some((path) => isWithin(join(project, folder), path)),
  );
  if (!dotGits.includes('') && isBare(folders)) {
    throw new UserError(
      'E_GIT',
      `${project} is a bare repository: the agent would write what git runs`,
      {
        hint: 'work in a clone of it',
      },
    );
  }
  if (dotGits.includes('') && isLink(project, '')) {
    throw new UserError(
      'E_GIT',
      `${join(project, '.git')} is a symbolic link: it cannot be covered`,
      {
        hint: 'work in a worktree instead (git worktree add)',
      },
    );
  }
  const before = fingerprints(project, folders);
  const notes: string[] = [];
  const above = dotGits.includes('') ? undefined : repositoryAbove(project);
  if (above !== undefined)
    notes.push(
      `git: the repository of this folder is at ${printable(above)}, above what is shared: the agent sees none of it`,
    );
  if (folders.length >= bounds.folders)
    notes.push(
      `git: the project was looked through for repositories as far as ${bounds.folders} folders`,
    );
  if (mode === 'shadow' && dotGits.length > most)
    notes.push(
      `git: the agent gets ${most} of ${dotGits.length} repositories; the others are hidden`,
    );
  if (mode === 'shadow' && options.env['GIT_DIR'] !== undefined)
    notes.push('git: GIT_DIR is set; it is not passed on, the agent gets a copy of what .git says');
  const { shadows, refused } =
    mode === 'none' || dotGits.length === 0
      ? { shadows: [], refused: [] }
      : await openShadows(
          options,
          dotGits.filter((folder) => !isLink(project, folder)),
        );
  const covered = new Set(shadows.map(({ folder }) => folder));
  const rest = dotGits.filter((folder) => !covered.has(folder));
  const links = rest.filter((folder) => isLink(project, folder));
  return {
    mounts: [
      ...shadows.flatMap(({ mounts }) => mounts),
      ...rest.filter((folder) => !links.includes(folder)).map((folder) => hide(project, folder)),
    ],
    env: safeFolders([
      project,
      ...shadows.map(({ folder }) => join(project, folder)).filter((path) => path !== project),
    ]),
    notes: [
      ...notes,
      ...refused,
      ...links.map(
        (folder) => `git: ${printable(folder)}/.git is a symbolic link, which cannot be covered`,
      ),
      ...shadowNotes(project, shadows),
    ],
    finish: async () => {
      // Whatever becomes of the commits: what was planted is told.
      const told =
        shadows.length === 0
          ? []
          : await finish(options, shadows).catch((error: unknown) => [`git: ${messageOf(error)}`]);
      return [...told, ...planted(project, before)];
    },
  };
}

/** The agent does not own what it works on where ai-run runs as root, and git refuses that: only these folders are let off. */
function safeFolders(folders: readonly string[]): Record<string, string> {
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(folders.length)],
    ...folders.flatMap((folder, at) => [
      [`GIT_CONFIG_KEY_${at}`, 'safe.directory'],
      [`GIT_CONFIG_VALUE_${at}`, folder],
    ]),
  ]);
}

function isBare([root]: readonly Folder[]): boolean {
  return ['HEAD', 'objects', 'refs'].every((name) =>
    root?.entries.some((entry) => entry.name === name),
  );
}

async function openShadows(options: GitOptions, folders: readonly string[]) {
  const { project, session, home, user, env, hidden = [] } = options;
  const store = sessionFolder(home, session);
  await mkdir(join(home, '.ai-run/git'), { recursive: true, mode: 0o700 });
  await mkdir(store, { mode: 0o700 });
  // Before there is anything to forget.
  await writeRecord(store, { project, pid: process.pid, repositories: [] });
  const open = async (folder: string, number: number): Promise<Shadow | string> => {
    try {
      const repository = await readRepository(project, folder);
      return await makeShadow(project, repository, {
        store: join(store, String(number)),
        number,
        user,
        env,
        hidden,
      });
    } catch (error) {
      // The project's own is what the user asked for; one below it can as well be hidden.
      if (folder === '' || !(error instanceof UserError)) throw error;
      return `git: ${printable(folder)} is hidden from the agent: ${error.message}`;
    }
  };
  try {
    const opened = await Promise.all(folders.slice(0, most).map(open));
    const shadows = opened.filter((one) => typeof one !== 'string');
    for (const shadow of shadows)
      await writeFile(join(shadow.store, 'before'), formatRefs(shadow.before), { mode: 0o600 });
    await writeRecord(store, { project, pid: process.pid, repositories: shadows.map(keep) });
    return { shadows, refused: opened.filter((one) => typeof one === 'string') };
  } catch (error) {
    await rm(store, { recursive: true, force: true });
    throw error;
  }
}

function shadowNotes(project: string, shadows: readonly Shadow[]): string[] {
  const outside = (path: string): boolean => relative(project, path).startsWith('..');
  return shadows.flatMap(({ folder, commonDir, objects, lfs, hooksPath, masked }) => {
    const at = folder === '' ? '' : `${printable(folder)}: `;
    const lent = objects.filter((path) => path !== join(commonDir, 'objects') && outside(path));
    const hooks = hooksPath === undefined ? undefined : resolve(project, folder, hooksPath);
    return [
      ...(lent.length === 0
        ? []
        : [
            `git: ${at}the agent can read what it borrows objects from: ${lent.map(printable).join(', ')}`,
          ]),
      ...maskedNotes(folder, masked.tracked, masked.skipped),
      ...(lfs
        ? [
            `git: ${at}files of Git LFS are committed by the agent as they are, not as pointers: commit those yourself`,
          ]
        : []),
      ...(hooks === undefined || outside(hooks)
        ? []
        : [
            `git: ${at}your hooks are files of the project (core.hooksPath ${printable(hooksPath ?? '')}): the agent can write them and your next commit runs them`,
          ]),
    ];
  });
}
