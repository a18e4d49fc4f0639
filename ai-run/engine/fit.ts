import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { capture } from '../host/exec.ts';
import { findEndpoint, incarnation } from './endpoint.ts';

/**
 * Whether an agent can work on this engine at all. It is asked once for each time that it starts: `~/.ai-run/engine` names
 * the last one that was found fit. A remote engine is asked each time.
 * @throws UserError E_ENGINE_UNFIT for one that maps uids, and for Podman. One that does not answer is for others to report.
 */
export async function checkEngine(userHome: string): Promise<void> {
  const endpoint = findEndpoint();
  const now = endpoint === undefined ? undefined : incarnation(endpoint);
  const folder = join(userHome, '.ai-run');
  const note = join(folder, 'engine');
  if (now !== undefined && noted(note) === now) return;
  const [info, version] = await Promise.all([ask('info'), ask('version')]);
  const said = parseJson(info.stdout);
  if (info.code !== 0 || said === undefined) return;
  const { parseEngine } = await import('./engine-info.rules.ts');
  const { unfit } = await import('./unfit.rules.ts');
  // Rootless engines exist that do not answer `docker version`.
  const made = version.code === 0 ? parseJson(version.stdout) : undefined;
  const problem = unfit(parseEngine(made, said), endpoint?.host);
  if (problem !== undefined) throw problem;
  if (now === undefined) return;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Half of it names no engine, which is asked again then.
    writeFileSync(note, now, { mode: 0o600 });
  } catch {
    // It is asked again next time. What needs the folder reports it.
  }
}

function noted(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function ask(verb: string) {
  return capture({ file: 'docker', args: [verb, '--format={{json .}}'] });
}
