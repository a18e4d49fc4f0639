/** A new session's name and owner. */

import { type Session, sessionName } from './labels.rules.ts';
import { thisOwner } from './owner.ts';

export async function newSession(agent: string, project: string): Promise<Session> {
  // Startup trick `unique-name`: the id must be unique, not secret.
  const id = Math.floor(Math.random() * 2 ** 24).toString(16);
  const name = sessionName(agent, project, id.padStart(6, '0'));
  return { name, agent, project, owner: await thisOwner() };
}
