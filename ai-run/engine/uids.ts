import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { otherUids } from '../core/uid-mapping.ts';
import { capture } from '../exec.ts';
import { findEndpoint, incarnation } from './endpoint.ts';

const noted = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * Whether an agent can work on this engine at all. It is asked once for each time that it starts: `~/.ai-run/engine` names
 * the last one that was found fit. A remote engine is asked each time.
 * @throws UserError E_ENGINE_UIDS for an engine that maps uids. One that does not answer is for others to report.
 */
export const checkUids = async (userHome: string): Promise<void> => {
  const endpoint = findEndpoint();
  const now = endpoint === undefined ? undefined : incarnation(endpoint);
  const folder = join(userHome, '.ai-run');
  const note = join(folder, 'engine');
  if (now !== undefined && noted(note) === now) return;
  const { code, stdout } = await capture({ file: 'docker', args: ['info', '--format={{json .}}'] });
  if (code !== 0) return;
  const { uidsOf } = await import('../core/engine-info.ts');
  const uids = uidsOf(JSON.parse(stdout));
  if (uids !== 'same') throw otherUids(uids, endpoint?.host ?? 'that docker uses');
  if (now === undefined) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Half of it names no engine, which is asked again then.
  writeFileSync(note, now, { mode: 0o600 });
};
