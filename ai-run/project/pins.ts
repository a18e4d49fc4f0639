import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { pinMounts } from './secrets.rules.ts';
import type { Part } from '../part.rules.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { parseSession, type Session } from '../session/labels.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { isWithin } from './folders.rules.ts';
import { codeOf } from '../host/folder.ts';

type PinOptions = {
  readonly userHome: string;
  readonly session: Session;
  /** What `openWorkspaces` mounts. */
  readonly shared: readonly Mount[];
  /** Those of the session, this one among them. */
  readonly parts: () => readonly Part[];
};

/**
 * Keeps the folders that lead to masks where they are. Which ones is known once all parts are open: asked for when the
 * container's command is made, so that each is looked at as late as can be.
 *
 * The engine follows symlinks in what it mounts: an agent that runs meanwhile could put one in place of a folder, and get
 * the folder of the host that it leads to. Where there is such an agent, nothing is kept in place, and the user is told.
 * @throws UserError E_MASK, when asked for its mounts, where one has become something else
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
        : [`masked files can be moved to where they are not masked: ${beside} works here as well`];
    },
    get mounts() {
      const found = pins();
      if (found.length === 0 || sessionBeside(options) !== undefined) return [];
      const moved = found.find(({ target }) => !isFolderItself(target));
      if (moved === undefined) return found;
      throw new UserError(
        'E_MASK',
        printable(`${moved.target} is not the folder any more that was searched`),
        { hint: 'another session may have changed it: look at it, and start again' },
      );
    },
  };
  return part;
}

/** The name of another session that works on what is shared. Only its project is known, not what else it was given. */
function sessionBeside({ userHome, session, shared }: PinOptions): string | undefined {
  const folder = join(userHome, '.ai-run/sessions');
  const overlaps = (project: string): boolean =>
    shared.some(({ target }) => isWithin(project, target) || isWithin(target, project));
  const others = existsSync(folder)
    ? readdirSync(folder).filter((name) => name !== session.name)
    : [];
  return others.find((name) => {
    try {
      const other = parseSession(JSON.parse(readFileSync(join(folder, name), 'utf8')));
      return other === undefined || overlaps(other.project);
    } catch (error) {
      // Just ended; what is just being written is one.
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
