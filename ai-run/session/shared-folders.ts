/** The folders that a session shares with the agent: the project, and those of the options. */

import type { Mount } from '@ai-bakery/kernel/policy.ts';
import type { Ask } from '../host/ask.ts';
import type { Part } from '../part.rules.ts';
import { parseMount } from '../project/folders.rules.ts';
import { openWorkspaces } from '../project/workspace.ts';
import type { RunOptions } from '../settings/options.rules.ts';
import type { Request } from './request.ts';

export type SharedFolders = {
  readonly part: Part & { readonly mounts: readonly Mount[] };
  /** Real paths, the project first. */
  readonly folders: readonly [string, ...string[]];
};

/**
 * Shares the folders, and refuses a public key for AI_IMAGE_VERIFY in one of them.
 * @throws UserError E_WORKSPACE, E_WORKSPACES, E_VERIFY
 */
export async function shareFolders(
  project: string,
  { mounts }: RunOptions,
  { userHome, settings: { verify } }: Request,
  ask: Ask | undefined,
): Promise<SharedFolders> {
  const part = await openWorkspaces(
    [{ folder: project, readonly: false }, ...mounts.map(parseMount)],
    { userHome, ask },
  );
  if (verify !== undefined) {
    const { checkKeyPlace } = await import('../image/signature.ts');
    checkKeyPlace(verify, part.mounts, userHome);
  }
  const [first = '', ...others] = part.mounts.map(({ target }) => target);
  return { part, folders: [first, ...others] };
}
