import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MaskSettings } from '../project/secrets.rules.ts';
import type { RunOptions } from '../settings/options.rules.ts';
import type { Part } from '../part.rules.ts';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import type { Session } from './labels.rules.ts';
import { unmasking } from '../project/widening.rules.ts';
import { prepare } from '../host/exec.ts';
import { walk } from '../host/walk.ts';
import { openGit } from '../git/git.ts';
import { openHome } from '../home/home.ts';
import type { Image } from '../image/image.ts';
import type { Ask } from '../host/ask.ts';
import { openChanges } from '../project/changes.ts';
import { openMasks } from '../project/masks.ts';
import { isShared } from './record.ts';

/** Everything of a session that is made before it starts and finished after it. */

type Opening = {
  readonly options: RunOptions;
  /** What is hidden beside the usual, or shown: the user's, then the project's. */
  readonly masks: readonly Required<MaskSettings>[];
  readonly session: Session;
  readonly image: Promise<Image>;
  /** What is shared: the project first. */
  readonly folders: readonly [string, ...string[]];
  readonly userHome: string;
  /** Who the agent is in the container. */
  readonly user: Policy['user'];
  readonly ask: Ask | undefined;
};

type Opened = (part: Part) => void;

/**
 * Opens the parts of a session; `opened` gets each as it is made, so that it is finished whatever fails after it. The engine
 * is looking for the image meanwhile.
 */
export async function openParts(opening: Opening, opened: Opened): Promise<Image> {
  await openProject(opening, opened);
  prepare();
  const image = await opening.image;
  await openAgent(opening, image, opened);
  return image;
}

/** What needs to know nothing of the image. */
async function openProject(
  { options, masks, session, folders, userHome, user, ask }: Opening,
  opened: Opened,
): Promise<void> {
  const { project, name } = session;
  const { git: mode } = options;
  const { env } = process;
  const masked = options.mask
    ? openMasks({ userHome, workspaces: folders, settings: masks })
    : undefined;
  const [mine] = masks;
  if (masked !== undefined) {
    opened(masked);
    opened({ notes: unmasking('AI_RUN_UNMASK', mine?.remove ?? []) });
  }
  const hidden = masked?.mounts?.map(({ target }) => target) ?? [];
  const tree = walk(project);
  opened(await openGit({ project, tree, mode, session: name, home: userHome, user, env, hidden }));
  const [, ...others] = folders;
  if (others.length > 0 && mode !== 'live') {
    const { openElsewhere } = await import('../git/elsewhere.ts');
    opened(openElsewhere({ project, others, hidden }));
  }
  const { sshKeys, gitCredentials } = options;
  if (sshKeys.length > 0 || gitCredentials || existsSync(join(userHome, '.ai-git-allowed'))) {
    const { chooseKeys } = await import('../keys/choose-keys.ts');
    const chosen = await chooseKeys({ userHome, project, sshKeys, gitCredentials, ask });
    const { openKeys } = await import('../keys/keys.ts');
    if (chosen !== undefined) opened(await openKeys({ userHome, session, user, ...chosen }));
  }
  opened(await openChanges({ project, tree }));
}

async function openAgent(
  { options, session, folders, userHome, user }: Opening,
  { contract }: Image,
  opened: Opened,
): Promise<void> {
  const { agent, project } = session;
  const busy = (): Promise<boolean> => isShared(userHome, session);
  const home = await openHome({
    userHome,
    project,
    agent: contract.agent,
    state: contract.state,
    caches: contract.cache,
    user,
    workspaces: folders,
    busy,
  });
  opened(home);
  if (!options.withConfig) return;
  const { openHostConfig } = await import('../home/host-config.ts');
  opened(await openHostConfig({ userHome, home: home.home, agent, contract, user }));
}
