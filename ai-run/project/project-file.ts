/** The project file of a session: it is read once, what it widens is approved, and its settings are applied. */

import { lstatSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { isMountable } from '@ai-bakery/kernel/launch.ts';
import type { MaskSettings } from './secrets.rules.ts';
import { readOptions, type RunOptions } from '../settings/options.rules.ts';
import type { Part } from '../part.rules.ts';
import type { Mount, Policy } from '@ai-bakery/kernel/policy.ts';
import { parseProjectFile, type ProjectFile, projectFile } from './parse-project-file.rules.ts';
import { flagsOf, overlay, summary, unsaid } from './project-flags.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { fileWidenings } from './widening.rules.ts';
import { parseMount } from './folders.rules.ts';
import { approve, fingerprint, forget, isApproved } from './approval.ts';
import type { Ask } from '../host/ask.ts';
import { readProjectFile } from './read-project-file.ts';
import { findWorkspace } from './workspace.ts';

/** The value that was read is the one that is asked about, approved and used. */

type Opening = {
  /** The options of the command line. */
  readonly said: RunOptions;
  /** The project's real path. */
  readonly project: string;
  readonly userHome: string;
  /** The policy without any flag. */
  readonly usual: Policy;
  readonly ask: Ask | undefined;
};

export type OpenProjectFile = {
  /** The options of the command line, over the file's. */
  readonly options: RunOptions;
  readonly masks: Required<MaskSettings>;
  /** Real paths of the folders that the file shares. */
  readonly folders: readonly string[];
  readonly part: Part;
};

/**
 * Applies the project's file below the options of the command line. The user must approve the settings that widen: once,
 * and again after each change.
 * @throws UserError E_PROJECT_FILE for mistakes in it; E_APPROVAL if nobody approves the settings that widen.
 */
export async function openProjectFile(opening: Opening): Promise<OpenProjectFile> {
  const { said, project, userHome, usual } = opening;
  const content = readProjectFile(project);
  if (content === undefined) {
    if (!said.print) forget(userHome, project);
    return { options: said, masks: { add: [], remove: [] }, folders: [], part: {} };
  }
  const file = located(parseProjectFile(content), project, userHome);
  const mine = new Set(
    said.mounts.map((mount) => findWorkspace(parseMount(mount).folder, userHome)),
  );
  const used = unsaid(
    {
      ...file,
      ...(file.mounts && { mounts: file.mounts.filter(({ folder }) => !mine.has(folder)) }),
    },
    said.flags,
  );
  const lines = fileWidenings(used, usual);
  const notes = await agree(file, lines, opening);
  const what = summary(used);
  return {
    options: readOptions(overlay(flagsOf(used), said.flags), said.agent, said.args),
    masks: { add: used.mask ?? [], remove: used.unmask ?? [] },
    folders: used.mounts?.map(({ folder }) => folder) ?? [],
    part: {
      notes: [
        ...(what === '' ? [] : [`${projectFile}: ${what}`]),
        ...lines.map((line) => `${projectFile}: ${line}`),
        ...notes,
      ],
    },
  };
}

/**
 * Refuses a session if one of the file's folders is not the approved one any more: while a question was open or an image
 * was pulled, the agent of another session could have replaced it with a symbolic link.
 * @throws UserError E_APPROVAL with the folder.
 */
export function checkFolders(folders: readonly string[], shared: readonly Mount[]): void {
  const moved = folders.find(
    (path) => leadsTo(path) !== path || !shared.some(({ target }) => target === path),
  );
  if (moved === undefined) return;
  throw new UserError('E_APPROVAL', `${moved} was replaced after it was approved`, {
    hint: 'look at where it leads now, and start again',
  });
}

/** Mounts the project files in shared folders read-only, because the next session in each of them applies its file. */
export function guardProjectFiles(shared: readonly Mount[]): Part {
  return {
    mounts: shared.flatMap(({ target, readonly }) => {
      const path = join(target, projectFile);
      const isFile = lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
      return isFile && readonly !== true
        ? [{ type: 'bind', source: path, target: path, readonly: true } as const]
        : [];
    }),
  };
}

/** Resolves the file's folders to real paths, so that a symlink changed after an approval cannot lead to another folder. */
function located(file: ProjectFile, project: string, userHome: string): ProjectFile {
  if (file.mounts === undefined) return file;
  const mounts = file.mounts.map(({ folder, readonly, line }) => {
    const wrong = (what: string, hint?: string): UserError =>
      new UserError(
        'E_PROJECT_FILE',
        printable(`${projectFile}, line ${line}: mounts: ${what}`),
        hint === undefined ? {} : { hint },
      );
    try {
      const path = findWorkspace(resolve(project, folder), userHome);
      if (
        path.split('/').includes('.git') ||
        !isMountable(path) ||
        /[\p{C}\p{Zl}\p{Zp}]/u.test(path)
      )
        throw wrong(`${JSON.stringify(path)} cannot be shared by a project file`, 'remove it');
      return { folder: path, readonly, line };
    } catch (error) {
      if (!(error instanceof UserError) || error.code === 'E_PROJECT_FILE') throw error;
      throw wrong(error.message, error.hint);
    }
  });
  return { ...file, mounts };
}

/** Asks about the settings that widen, unless the user approved them before, and records the approval. */
async function agree(
  file: ProjectFile,
  lines: readonly string[],
  { said, project, userHome, usual, ask }: Opening,
): Promise<readonly string[]> {
  const print = fingerprint(project, file);
  const approved = await isApproved(userHome, project, print);
  if (said.print)
    return approved || lines.length === 0
      ? []
      : [`${projectFile}: not approved yet: without --print, ai-run asks first`];
  if (approved) return [];
  forget(userHome, project);
  if (lines.length === 0) return [];
  // All settings are shown, including those that a flag overrides today, because all of them are approved.
  const all = fileWidenings(file, usual);
  const question = [`${projectFile} allows the agent more than ai-run does:`, ...all].join('\n  ');
  const answer = await ask?.(
    printable(`${question}\nAll its settings: ${summary(file)}. Approve?`),
    ['yes', 'no'],
  );
  if (answer !== 'yes') throw unapproved(lines);
  approve(userHome, project, print);
  return [];
}

function unapproved(lines: readonly string[]): UserError {
  return new UserError(
    'E_APPROVAL',
    [`${projectFile} has settings that you have not approved:`, ...lines].join('\n  '),
    {
      hint: `start ai-run here in a terminal to approve them, or remove them from ${projectFile}`,
    },
  );
}

function leadsTo(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
