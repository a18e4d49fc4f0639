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
import { approve, forget, identify, isApproved } from './approval.ts';
import type { Ask } from '../host/ask.ts';
import { readProjectFile } from './read-project-file.ts';
import { findWorkspace } from './workspace.ts';

/** `.ai-run.yaml`: read once, as data; what was read is what is asked about, approved and used. */

type Opening = {
  /** What the command line says. */
  readonly said: RunOptions;
  /** The project's real path. */
  readonly project: string;
  readonly userHome: string;
  /** The policy without any flag. */
  readonly usual: Policy;
  readonly ask: Ask | undefined;
};

type Opened = {
  /** The command line's, over the file's. */
  readonly options: RunOptions;
  readonly masks: Required<MaskSettings>;
  /** Real paths of the folders that are shared because the file says so. */
  readonly folders: readonly string[];
  readonly part: Part;
};

/**
 * What the project's file says of this session, below what the command line says. What widens has to be approved, once and
 * again after each change.
 * @throws UserError E_PROJECT_FILE for mistakes in it; E_APPROVAL where nobody approves what it widens.
 */
export async function openProjectFile(opening: Opening): Promise<Opened> {
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
    options: readOptions(overlay(flagsOf(used), said.flags), [said.agent], said.args),
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
 * Refuses a session in which a folder of the file is another one than was approved: while a question was open or an image
 * was pulled, the agent of another session could have put a symbolic link in its place.
 * @throws UserError E_APPROVAL with the folder.
 */
export function checkFolders(folders: readonly string[], shared: readonly Mount[]): void {
  const moved = folders.find(
    (path) => leadsTo(path) !== path || !shared.some(({ target }) => target === path),
  );
  if (moved === undefined) return;
  throw new UserError('E_APPROVAL', `${moved} is not the folder any more that was approved`, {
    hint: 'look at what it leads to, and start again',
  });
}

/** Keeps agents from changing the files of projects that are shared, which the next session there would go by. */
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

/** The file with real paths for its folders: a symlink that is changed after an approval leads to no other folder. */
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
        throw wrong(`${JSON.stringify(path)} is not shared by a file`, 'take it out');
      return { folder: path, readonly, line };
    } catch (error) {
      if (!(error instanceof UserError) || error.code === 'E_PROJECT_FILE') throw error;
      throw wrong(error.message, error.hint);
    }
  });
  return { ...file, mounts };
}

/** Asks about what the file widens, unless the user has approved it; the answer is kept. */
async function agree(
  file: ProjectFile,
  lines: readonly string[],
  { said, project, userHome, usual, ask }: Opening,
): Promise<readonly string[]> {
  const identity = identify(project, file);
  const approved = await isApproved(userHome, project, identity);
  if (said.print)
    return approved || lines.length === 0
      ? []
      : [`${projectFile}: not approved yet: without --print, ai-run asks first`];
  if (approved) return [];
  forget(userHome, project);
  if (lines.length === 0) return [];
  // All of it, also what a flag overrules today: that is what is approved.
  const all = fileWidenings(file, usual);
  const question = [`${projectFile} allows the agent more than ai-run does:`, ...all].join('\n  ');
  const answer = await ask?.(printable(`${question}\nAll it says: ${summary(file)}. Approve?`), [
    'yes',
    'no',
  ]);
  if (answer !== 'yes') throw unapproved(lines);
  approve(userHome, project, identity);
  return [];
}

function unapproved(lines: readonly string[]): UserError {
  return new UserError(
    'E_APPROVAL',
    [`${projectFile} allows what you have not approved:`, ...lines].join('\n  '),
    {
      hint: `approve it by starting ai-run here in a terminal, or take it out of ${projectFile}; what a flag says needs no approval`,
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
