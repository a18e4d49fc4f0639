/** The parts of a session: they are opened before it starts, and finished after it in the opposite order. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@ai-bakery/kernel/error.ts';
import { openGit } from '../git/git.ts';
import { openHome } from '../home/home.ts';
import { walk } from '../host/walk.ts';
import type { Image } from '../image/image.ts';
import { credentials } from '../keys/credentials.rules.ts';
import type { Part } from '../part.rules.ts';
import { openChanges } from '../project/changes.ts';
import { userMasks } from '../project/mask-settings.rules.ts';
import { openMasks } from '../project/masks.ts';
import { openPins } from '../project/pins.ts';
import { guardProjectFiles, type OpenProjectFile } from '../project/project-file.ts';
import { unmasking, widenings } from '../project/widening.rules.ts';
import type { Settings } from '../settings/settings.rules.ts';
import { preloadProcesses } from '../startup/preload.ts';
import type { Caller } from './caller.ts';
import { askWhileSearching, type Search } from './image-search.ts';
import type { Session } from './labels.rules.ts';
import { isShared, openRecord } from './record.ts';
import type { Request } from './request.ts';
import { say } from './say.ts';
import type { SharedFolders } from './shared-folders.ts';

/** The values from which parts are opened. */
export type Opening = {
  readonly request: Request;
  readonly caller: Caller;
  readonly file: OpenProjectFile;
  readonly search: Search;
  readonly shared: SharedFolders;
  readonly session: Session;
};

type Opened = {
  readonly parts: readonly Part[];
  readonly image: Image;
  /** Renews the session's record, right before the container is made. */
  readonly renew: () => void;
};

type Add = (part: Part) => void;

/** Opens the parts and uses them. Finishes those that were opened, even if opening or using fails. */
export async function withParts<T>(
  opening: Opening,
  use: (opened: Opened) => Promise<T>,
): Promise<T> {
  const parts: Part[] = firstParts(opening, () => parts);
  try {
    const record = openRecord(opening.request.userHome, opening.session);
    // Finished last: until then, the next start finds the session's remains by its record.
    parts.unshift(record);
    const add: Add = (part) => void parts.push(part);
    await openProjectParts(opening, add);
    // While the engine searches for the image.
    preloadProcesses();
    const image = await opening.search.found;
    await openAgentParts(opening, image, add);
    return await use({ parts, image, renew: record.renew });
  } finally {
    await finish(parts);
  }
}

/** The parts that need no effect. */
function firstParts(
  { request, caller, file, shared, session }: Opening,
  parts: () => readonly Part[],
): Part[] {
  const { said, userHome, settings } = request;
  const { mounts } = shared.part;
  return [
    { notes: [...unverified(settings), ...widenings(said, caller.usual)] },
    file.part,
    shared.part,
    openPins({ userHome, session, shared: mounts, parts }),
    guardProjectFiles(mounts),
  ];
}

/** Opens the parts that do not need the image. */
async function openProjectParts(opening: Opening, add: Add): Promise<void> {
  const { request, caller, file, shared, session } = opening;
  const { userHome, env } = request;
  const { project, name } = session;
  const { user } = caller.usual;
  const { git: mode } = file.options;
  const hidden = addMasks(opening, add);
  const tree = walk(project);
  add(await openGit({ project, tree, mode, session: name, home: userHome, user, env, hidden }));
  const [, ...others] = shared.folders;
  if (others.length > 0 && mode !== 'live') {
    // Startup trick `lazy-import`: few sessions share several folders.
    const { openElsewhere } = await import('../git/elsewhere.ts');
    add(openElsewhere({ project, others, hidden }));
  }
  await addKeys(opening, add);
  add(await openChanges({ project, tree }));
}

/** @returns the paths that are hidden. */
function addMasks({ request, file, shared }: Opening, add: Add): readonly string[] {
  // Read in any case, so that a wrong setting is reported.
  const mine = userMasks(request.env, request.file);
  if (!file.options.mask) return [];
  const { userHome } = request;
  const settings = [mine, file.masks];
  const masks = openMasks({ userHome, workspaces: shared.folders, settings });
  add(masks);
  add({ notes: unmasking('AI_RUN_UNMASK', mine.remove) });
  return masks.mounts?.map(({ target }) => target) ?? [];
}

async function addKeys(opening: Opening, add: Add): Promise<void> {
  const { request, caller, file, search, session } = opening;
  const { userHome } = request;
  const { sshKeys, gitCredentials } = file.options;
  const mayAsk = existsSync(join(userHome, '.ai-git-allowed'));
  if (sshKeys.length === 0 && !gitCredentials && !mayAsk) return;
  const ask = caller.ask === undefined ? undefined : askWhileSearching(caller.ask, search);
  const { project } = session;
  // Startup trick `lazy-import`: few sessions get keys.
  const { chooseKeys } = await import('../keys/choose-keys.ts');
  const chosen = await chooseKeys({ userHome, project, sshKeys, gitCredentials, ask });
  const { openKeys } = await import('../keys/keys.ts');
  const { user } = caller.usual;
  if (chosen !== undefined) add(await openKeys({ userHome, session, user, ...chosen }));
}

/** Opens the parts that need the image's contract. */
async function openAgentParts(
  { request, caller, file, shared, session }: Opening,
  { contract }: Image,
  add: Add,
): Promise<void> {
  const { userHome, env } = request;
  const { agent, project } = session;
  const { user } = caller.usual;
  const home = await openHome({
    userHome,
    project,
    agent: contract.agent,
    state: contract.state,
    caches: contract.cache,
    user,
    workspaces: shared.folders,
    busy: () => isShared(userHome, session),
  });
  add(home);
  const { options } = file;
  if (options.withConfig) {
    const { openHostConfig } = await import('../home/host-config.ts');
    add(await openHostConfig({ userHome, home: home.home, agent, contract, user }));
  }
  add(credentials({ contract, env, file: request.file, extra: options.env }));
}

/** Finishes all parts in the opposite order, even if one of them fails. */
async function finish(parts: readonly Part[]): Promise<void> {
  for (const part of parts.toReversed()) {
    try {
      // One after the other: a part may rely on those before it.
      // oxlint-disable-next-line no-await-in-loop
      for (const line of (await part.finish?.()) ?? []) say(line);
    } catch (error) {
      say(messageOf(error));
    }
  }
}

/** Reports that a local image is not verified, if AI_IMAGE_VERIFY is set. */
function unverified({ source, verify }: Settings): readonly string[] {
  return source === 'local' && verify !== undefined
    ? ['AI_IMAGE_VERIFY applies to images of a registry: this image is local and not verified']
    : [];
}
