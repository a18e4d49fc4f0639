/** The pins of a session: folders that lead to masks are kept in place, so that no agent can move a masked file. */

import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { pinMounts } from './secrets.rules.ts';
import type { Part } from '../part.rules.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { parseSession, type Session } from '../session/labels.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { isWithin } from './folders.rules.ts';
import { codeOf } from '../host/folder.ts';

type PinOptions = {
  readonly userHome: string;
  readonly session: Session;
  /** The mounts of `openWorkspaces`. */
  readonly shared: readonly Mount[];
  /** The parts of the session, including this one. */
  readonly parts: () => readonly Part[];
};

/**
 * Keeps the folders that lead to masks in place. They are known once all parts are open; the mounts are computed when the
 * container's command is made, so that each folder is checked as late as possible.
 *
 * The engine follows symlinks in mount sources: an agent of another running session could replace a folder with a symlink
 * and obtain the host folder that it leads to. If such a session exists, no folder is pinned, and the user is told.
 * @throws UserError E_MASK, on access to its mounts, if a folder was replaced.
 */
export function openPins(options: PinOptions): Part {
  const { shared, parts } = options;
  const pins = (): readonly Mount[] =>
    pinMounts(
      shared,
      parts().flatMap((one) => (one === part ? [] : (one.mounts ?? []))),
    );
  const part: Part = {
    get notes() {
      const beside = pins().length === 0 ? undefined : sessionBeside(options);
      return beside === undefined
        ? []
        : [
            `the agent can move masked files to an unmasked place, because session ${beside} runs here`,
          ];
    },
    get mounts() {
      const found = pins();
      if (found.length === 0 || sessionBeside(options) !== undefined) return [];
      const moved = found.find(({ target }) => !isFolderItself(target));
      if (moved === undefined) return found;
      throw new UserError(
        'E_MASK',
        printable(`${moved.target} was replaced after it was searched for secrets`),
        { hint: 'another session may have replaced it: look at it, and start again' },
      );
    },
  };
  return part;
}

/** Returns the name of another session that works in a shared folder. Only its project is known, not its other folders. */
function sessionBeside({ userHome, session, shared }: PinOptions): string | undefined {
  const folder = join(userHome, '.ai-run/sessions');
  const overlaps = (project: string): boolean =>
    shared.some(({ target }) => isWithin(project, target) || isWithin(target, project));
  const others = existsSync(folder)
    ? readdirSync(folder).filter((name) => name !== session.name)
    : [];
  return others.find((name) => {
    try {
      const other = parseJson(readFileSync(join(folder, name), 'utf8'), parseSession);
      return other === undefined || overlaps(other.project);
    } catch (error) {
      // A missing record means that the session has just ended; a partly written one counts as a session.
      return codeOf(error) !== 'ENOENT';
    }
  });
}

function isFolderItself(path: string): boolean {
  try {
    return realpathSync.native(path) === path && lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}
