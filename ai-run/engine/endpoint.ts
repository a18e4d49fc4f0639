/** The engine's address, from the files and variables that docker's client reads. */

import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { chosenContext, type Endpoint, endpointOf } from '@ai-bakery/kernel/endpoint.ts';
import type { Variables } from '@ai-bakery/kernel/variable.ts';
import { sha256 } from '../startup/sha256.ts';

/** Returns the address of the engine that docker's client would use, without starting a process. */
export function findEndpoint(env: Variables = process.env): Endpoint | undefined {
  const folder = env['DOCKER_CONFIG'] || join(homedir(), '.docker');
  const context = env['DOCKER_HOST']
    ? undefined
    : chosenContext(env, read(join(folder, 'config.json')));
  // Docker stores each context under the hash of its name.
  const meta =
    context === undefined
      ? undefined
      : read(join(folder, 'contexts/meta', sha256(context), 'meta.json'));
  return endpointOf(env, context, meta);
}

/**
 * Returns a text that changes if another engine, or the same one after a restart, listens on the socket.
 * @returns undefined if the address is not a socket of this machine.
 */
export function incarnation({ host }: Endpoint): string | undefined {
  if (!host.startsWith('unix://')) return undefined;
  try {
    const { dev, ino, ctimeMs } = statSync(host.slice('unix://'.length));
    return [host, dev, ino, ctimeMs].join(' ');
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
