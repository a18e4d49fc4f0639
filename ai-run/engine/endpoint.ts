/** The engine's address, from the files and variables that docker's client reads. */

import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { type Endpoint, findEndpoint as find } from '@ai-bakery/kernel/endpoint.ts';
import type { Variables } from '@ai-bakery/kernel/variable.ts';
import { sha256 } from '../startup/sha256.ts';

/** Returns the engine that docker's client would use, without starting a process; undefined if its context cannot be read. */
export function findEndpoint(env: Variables = process.env): Endpoint | undefined {
  return find({ env, home: homedir(), read, sha256 });
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
