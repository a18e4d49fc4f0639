/** A session from its request to its end: each step gets the values of the steps before it. */

import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { checkEngine } from '../engine/fit.ts';
import { checkFolders, openProjectFile } from '../project/project-file.ts';
import { findWorkspace } from '../project/workspace.ts';
import type { RunOptions } from '../settings/options.rules.ts';
import { yieldOnce } from '../startup/yield-once.ts';
import { findCaller } from './caller.ts';
import { decide } from './decide.ts';
import { hold } from './hold.ts';
import { searchImage } from './image-search.ts';
import { newSession } from './new-session.ts';
import { type Opening, withParts } from './parts.ts';
import { readRequest } from './request.ts';
import { say } from './say.ts';
import { shareFolders } from './shared-folders.ts';

/**
 * Runs an agent to its end.
 * @param said the options of the command line; the project's file may add others.
 * @returns the agent's exit code; 128 + n if signal n ended it.
 * @throws UserError for every reason that prevents the start.
 */
export async function run(said: RunOptions): Promise<number> {
  const request = readRequest(said);
  const { userHome } = request;
  const early = searchImage(said, request);
  await yieldOnce();
  const caller = findCaller();
  const here = findWorkspace('.', userHome);
  const file = await openProjectFile({ said, project: here, userHome, ...caller });
  const { options } = file;
  await checkEngine(userHome);
  // The project's file may name another runtime.
  const search = options.runtime === said.runtime ? early : searchImage(options, request);
  const shared = await shareFolders(here, options, request, caller.ask);
  search.agree();
  const session = await newSession(options.agent, shared.folders[0]);
  return launchSession({ request, caller, file, search, shared, session });
}

/** Opens the parts, prints or runs the command, and finishes the parts. */
function launchSession(opening: Opening): Promise<number> {
  const { request, caller, file, shared, session } = opening;
  const { userHome, settings } = request;
  const { options } = file;
  return withParts(opening, async ({ parts, image, renew }) => {
    for (const line of parts.flatMap(({ notes = [] }) => notes)) say(line);
    const command = decide({ options, settings, session, image, parts, usual: caller.usual });
    if (options.print) {
      process.stdout.write(`${formatCommand(command)}\n`);
      return 0;
    }
    checkFolders(file.folders, shared.part.mounts);
    renew();
    return hold(command, session.name, userHome);
  });
}
