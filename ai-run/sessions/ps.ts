import { printable } from '../core/text.ts';
import { listSessions } from './sessions.ts';

/** Shows the sessions of the engine, as a table or as JSON. */
export const ps = async (json: boolean): Promise<number> => {
  const sessions = await listSessions();
  if (json) {
    process.stdout.write(`${JSON.stringify(sessions, undefined, 2)}\n`);
    return 0;
  }
  const rows = [
    ['SESSION', 'STATE', 'CREATED', 'PROJECT'],
    // Labels are written by whoever started the container: nothing of them is printed as it is.
    ...sessions.map(({ name, state, since, project }) => [name, state, since, project]),
  ].map((row) => row.map((cell) => printable(cell).replaceAll('\n', ' ')));
  const widths = [0, 1, 2].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  for (const row of rows)
    process.stdout.write(`${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}\n`);
  return 0;
};
