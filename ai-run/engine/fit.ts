/** The check that agents can work on an engine, once for each start of the engine. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAnswer, parseJson } from '@ai-bakery/kernel/json.ts';
import { versionHint } from './engine-error.rules.ts';
import { capture } from '../host/exec.ts';
import { findEndpoint, incarnation } from './endpoint.ts';

/**
 * Refuses an engine on which agents cannot work. Startup trick `engine-fit`: `~/.ai-run/engine` names the last engine that
 * passed, so that each is checked once after it starts. A remote engine is checked each time.
 * @throws UserError E_ENGINE_UNFIT for an engine that maps uids, and for Podman; E_ANSWER. Other code reports an engine that does not
 *   answer.
 */
export async function checkEngine(userHome: string): Promise<void> {
  const endpoint = findEndpoint();
  const now = endpoint === undefined ? undefined : incarnation(endpoint);
  const folder = join(userHome, '.ai-run');
  const passed = join(folder, 'engine');
  if (now !== undefined && read(passed) === now) return;
  const [info, version] = await Promise.all([ask('info'), ask('version')]);
  if (info.code !== 0) return;
  const said = parseAnswer(info.stdout, (value) => value ?? undefined, 'docker info', versionHint);
  const { parseEngine } = await import('./engine-info.rules.ts');
  const { unfit } = await import('./unfit.rules.ts');
  // Some rootless engines do not answer `docker version`.
  const made = version.code === 0 ? parseJson(version.stdout) : undefined;
  const problem = unfit(parseEngine(made, said), endpoint?.host);
  if (problem !== undefined) throw problem;
  if (now === undefined) return;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // A partly written file does not match any engine, so the check is repeated.
    writeFileSync(passed, now, { mode: 0o600 });
  } catch {
    // The next start repeats the check. Code that needs the folder reports the error.
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function ask(verb: string) {
  return capture({ file: 'docker', args: [verb, '--format={{json .}}'] });
}
