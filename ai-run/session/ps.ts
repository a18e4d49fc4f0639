/** ai-run ps: the engine's sessions. */

import { formatTable } from '@ai-bakery/kernel/table.ts';
import { listSessions } from './sessions.ts';

/** Prints the engine's sessions, as a table or as JSON. */
export async function ps(json: boolean): Promise<number> {
  const sessions = await listSessions();
  if (json) {
    process.stdout.write(`${JSON.stringify(sessions, undefined, 2)}\n`);
    return 0;
  }
  const rows = sessions.map(({ name, state, since, project }) => [name, state, since, project]);
  process.stdout.write(`${formatTable([['SESSION', 'STATE', 'CREATED', 'PROJECT'], ...rows])}\n`);
  return 0;
}
