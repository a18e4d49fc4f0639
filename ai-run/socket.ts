import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Variables } from './core/variable.ts';

/**
 * The engine's own socket, for the one question that every start asks. Docker's client answers it as well, but takes
 * longer to start than all else that ai-run does. It remains the one that knows contexts and remote engines, and the one that
 * explains what is wrong: whatever is unusual here is left to it.
 */

/** Milliseconds: a local engine answers within two. */
const patience = 1000;

const contextOf = (folder: string): unknown => {
  try {
    const settings: unknown = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    return typeof settings === 'object' && settings !== null && 'currentContext' in settings
      ? settings.currentContext
      : undefined;
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isAbsent ? undefined : error;
  }
};

/**
 * The socket that docker's client would use.
 * @returns undefined where that is not one of this machine, or takes more to find out.
 *   docs.docker.com/engine/manage-resources/contexts, "When is a context used"
 */
export const findSocket = (env: Variables): string | undefined => {
  const host = env['DOCKER_HOST'] ?? '';
  if (host !== '') return host.startsWith('unix:///') ? host.slice('unix://'.length) : undefined;
  const named =
    env['DOCKER_CONTEXT'] || contextOf(env['DOCKER_CONFIG'] || join(homedir(), '.docker'));
  const isUsual = named === undefined || named === '' || named === 'default';
  return isUsual ? '/var/run/docker.sock' : undefined;
};

/** Sends a request and returns all that comes back, which may be nothing. */
const exchange = (socket: string, request: string): Promise<string> =>
  new Promise((resolve) => {
    const connection = connect(socket);
    const chunks: Buffer[] = [];
    connection
      .setTimeout(patience, () => connection.destroy())
      .on('data', (chunk) => chunks.push(chunk))
      .on('error', () => undefined)
      .on('close', () => resolve(Buffer.concat(chunks).toString()))
      .write(request);
  });

/**
 * Asks the engine for JSON. HTTP/1.0, so that the answer is neither chunked nor followed by another one (RFC 1945).
 * @param path of the Engine API, without a version: the newest that the engine knows.
 * @returns undefined for everything but the answer 200.
 */
export const askSocket = async (socket: string, path: string): Promise<unknown> => {
  const [head = '', ...body] = (
    await exchange(socket, `GET ${path} HTTP/1.0\r\nHost: docker\r\n\r\n`)
  ).split('\r\n\r\n');
  if (!/^HTTP\/1\.[01] 200 /.test(head)) return undefined;
  try {
    return JSON.parse(body.join('\r\n\r\n'));
  } catch {
    return undefined;
  }
};
