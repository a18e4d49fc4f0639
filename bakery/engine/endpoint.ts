/** Finds the engine's address and certificates in docker's own files, without a process. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { type Endpoint, findEndpoint, readTls, type Tls } from '@ai-bakery/kernel/endpoint.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';

/**
 * The engine that docker's client talks to.
 * @throws UserError E_NO_ENGINE if the chosen context does not exist or cannot be read.
 */
export function engineEndpoint(): Endpoint {
  const { env } = process;
  const endpoint = findEndpoint({ env, home: homedir(), read, sha256 });
  if (endpoint !== undefined) return endpoint;
  const chosen = env['DOCKER_CONTEXT'] || 'currentContext of docker’s config.json';
  throw new UserError(
    'E_NO_ENGINE',
    `docker context ${JSON.stringify(chosen)}: context not found`,
    {
      hint: 'look at `docker context ls`, and at DOCKER_CONTEXT and DOCKER_HOST',
    },
  );
}

/** The certificates of an endpoint; undefined if it does not use TLS. */
export function certificatesOf(endpoint: Endpoint): Tls | undefined {
  return readTls(endpoint, read);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
