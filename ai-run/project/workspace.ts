/** The folders that are shared with an agent: their real paths, and the user's consent in ~/.ai-workspaces. */

import {
  appendFileSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import type { Part } from '../part.rules.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import {
  checkFolder,
  isWithin,
  parseWorkspaces,
  unlisted,
  workspaceLine,
  type WorkspaceRequest,
} from './folders.rules.ts';
import type { Ask } from '../host/ask.ts';
import { folderOnTheWay } from '../host/places.ts';

/** Files that configure ai-run. The user's home, which holds them, is never shared, but they may be links that lead out of it. */
const ownFiles = ['.ai-env', '.ai-workspaces', '.ai-git-allowed'];

/**
 * Returns the caller's home folder as a real path.
 * @throws UserError E_HOME if it does not exist.
 */
export function findUserHome(): string {
  let home: string | undefined;
  try {
    // Throws without HOME for a user that the system does not know.
    home = homedir();
    return realpathSync.native(home);
  } catch (error) {
    const which = home === undefined ? '' : ` ${printable(home)}`;
    throw new UserError('E_HOME', `cannot find the home folder${which}: ${messageOf(error)}`, {
      hint: 'set HOME to your home folder',
    });
  }
}

/**
 * Returns the real path of a folder that may be shared with an agent.
 * @throws UserError E_WORKSPACE if it is not a folder, or contains more than one project.
 */
export function findWorkspace(folder: string, userHome: string = findUserHome()): string {
  const path = realFolder(folder);
  checkFolder(path, userHome);
  return path;
}

/**
 * Mounts the project and the other shared folders, each at its own path. A folder must be listed in `~/.ai-workspaces` or
 * be below a listed one; otherwise the user is asked, if there is a terminal.
 * @throws UserError E_WORKSPACE for a folder that may not be shared, E_WORKSPACES for a list that cannot be trusted.
 */
export async function openWorkspaces(
  requests: readonly WorkspaceRequest[],
  { userHome, ask }: { readonly userHome: string; readonly ask?: Ask | undefined },
): Promise<Part & { readonly mounts: readonly Mount[] }> {
  const file = join(userHome, '.ai-workspaces');
  // By path: a folder that is named twice is mounted once, read-only if either request says so.
  const shared = new Map<string, boolean>();
  for (const { folder, readonly } of requests) {
    const path = findWorkspace(folder, userHome);
    checkOwnFiles(path, userHome);
    const text = readList(file);
    const listed = realPaths(parseWorkspaces(text));
    const allowed = shared.has(path) || listed.some((one) => isWithin(path, one));
    // One question at a time: the first answer may settle the second question.
    // oxlint-disable-next-line no-await-in-loop
    if (!allowed) await admit(path, file, text, ask);
    shared.set(path, readonly || shared.get(path) === true);
  }
  return {
    mounts: [...shared].map(([path, readonly]) => ({
      type: 'bind',
      source: path,
      target: path,
      readonly,
    })),
  };
}

// The native version returns names in the file system's spelling, which matters if the file system ignores case.
function realFolder(folder: string): string {
  const path = (() => {
    try {
      return realpathSync.native(folder);
    } catch (error) {
      throw new UserError(
        'E_WORKSPACE',
        `${printable(folder)} cannot be shared: ${messageOf(error)}`,
      );
    }
  })();
  if (statSync(path).isDirectory()) return path;
  throw new UserError('E_WORKSPACE', `${printable(path)} cannot be shared: it is not a folder`, {
    hint: 'share the folder that contains it',
  });
}

/**
 * Refuses a folder in which the agent could read the user's keys or change ai-run's configuration.
 * @throws UserError E_WORKSPACE with the file
 */
function checkOwnFiles(folder: string, userHome: string): void {
  const file = ownFiles.find(
    (name) => folderOnTheWay(join(userHome, name), [folder]) !== undefined,
  );
  if (file === undefined) return;
  throw new UserError(
    'E_WORKSPACE',
    `${printable(folder)} cannot be shared: ~/${file} is a symbolic link that leads into it`,
    {
      hint: `put the file itself at ~/${file} instead of the link, or start ai-run in another folder`,
    },
  );
}

/** Reads `~/.ai-workspaces`, which must not be writable by other users. */
function readList(file: string): string {
  let handle: number;
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw new UserError('E_WORKSPACES', `~/.ai-workspaces cannot be read: ${messageOf(error)}`);
  }
  try {
    const state = fstatSync(handle);
    const { mode, uid } = state;
    if (!state.isFile())
      throw new UserError('E_WORKSPACES', '~/.ai-workspaces is not a file', {
        hint: 'move it out of the way',
      });
    if ((mode & 0o022) === 0 && (uid === 0 || uid === process.getuid?.()))
      return readFileSync(handle, 'utf8');
  } finally {
    closeSync(handle);
  }
  throw new UserError('E_WORKSPACES', 'other users can write ~/.ai-workspaces', {
    hint: 'check its content, then run: chmod 600 ~/.ai-workspaces',
  });
}

/** Returns the real paths of listed folders, which may be symlinks or may not exist any more. */
function realPaths(listed: readonly string[]): readonly string[] {
  return listed.flatMap((path) => {
    try {
      return [realpathSync.native(path)];
    } catch {
      return [];
    }
  });
}

/** Asks the user to share a folder that is not listed; throws unless they agree. */
async function admit(
  folder: string,
  file: string,
  text: string,
  ask: Ask | undefined,
): Promise<void> {
  if (ask === undefined) throw unlisted(folder);
  const answer = await ask(
    `${printable(folder)} is not in ~/.ai-workspaces. May an agent read and change it?`,
    ['once', 'always', 'no'],
  );
  if (answer === 'always') remember(folder, file, text);
  else if (answer !== 'once') throw unlisted(folder);
}

function remember(folder: string, file: string, text: string): void {
  try {
    // One write of one line to a file open for appending: it stays whole even if another process appends.
    appendFileSync(file, workspaceLine(text, folder), { mode: 0o600 });
  } catch (error) {
    throw new UserError('E_WORKSPACES', `~/.ai-workspaces cannot be written: ${messageOf(error)}`, {
      hint: `answer "once", or add the line yourself: ${printable(folder)}`,
      cause: error,
    });
  }
}
