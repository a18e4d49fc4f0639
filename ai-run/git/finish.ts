/** Ends the git part of a session: saves the agent's commits and removes its shadows. */

import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { removeTree } from '../host/tree.ts';
import type { Environment } from './host-git.ts';
import { summary } from './modes.rules.ts';
import { type KeptRepository, salvage } from './salvage.ts';
import { recordedFields, sessionFolder, writeRecord } from './session-record.ts';
import type { Shadow } from './shadow.ts';

type Owner = {
  readonly project: string;
  readonly session: string;
  readonly home: string;
  readonly env: Environment;
};

/**
 * Saves the commits and removes the shadows; removes the whole session if the agent committed nothing.
 * @returns notes for the user, one line each.
 */
export async function finish(
  options: Owner,
  shadows: readonly Shadow[],
): Promise<readonly string[]> {
  const { project, session, env } = options;
  const folder = sessionFolder(options.home, session);
  const kept: (KeptRepository & { summary?: string })[] = [];
  const notes: string[] = [];
  for (const shadow of shadows) {
    const fields = recordedFields(shadow);
    try {
      const saved = await salvage(fields, shadow.before, env);
      if (saved.length > 0) kept.push({ ...fields, summary: summary(shadow.folder, saved) });
    } catch (error) {
      // The shadow is left unchanged: the user can inspect or drop it.
      kept.push(fields);
      const hint = error instanceof UserError ? error.hint : undefined;
      notes.push(`git: ${messageOf(error)}${hint === undefined ? '' : `; ${hint}`}`);
    }
  }
  if (kept.length === 0) {
    removeTree(folder);
    return notes;
  }
  await writeRecord(folder, { project, pid: 0, repositories: kept });
  const all = kept.flatMap((one) => one.summary ?? []).join('; ');
  return all === ''
    ? notes
    : [...notes, `${all}: bring them back with: ai-run git fetch ${session}`];
}
