/** The terminal's hand-over to a session's container, until the container is gone. */

import type { Command } from '@ai-bakery/kernel/command.ts';
import { attach } from '../host/exec.ts';
import { sweepSessions } from './record.ts';
import { sweepFolders } from './session-folder.ts';
import { endContainer, removeContainers } from './sessions.ts';

/**
 * Starts the container of a session and waits for its end. Removes the remains of killed sessions meanwhile.
 * @returns the container's exit code.
 */
export async function hold(command: Command, name: string, userHome: string): Promise<number> {
  let signalled = false;
  const running = attach(command, (signal) => {
    signalled = true;
    void endContainer(name, signal);
  });
  // While docker starts.
  const sweeping = Promise.all([sweepSessions(userHome, process.env), sweepFolders(userHome)]);
  const code = await running;
  // After a signal, docker's client may have ended before the container.
  if (signalled) await removeContainers([name]);
  await sweeping;
  return code;
}
