import { connect } from 'node:net';
import type { Endpoint } from '@ai-bakery/kernel/endpoint.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';

/**
 * The engine's own socket, for the one question that every start asks. Docker's client answers it as well, but takes
 * longer to start than all else that ai-run does. It remains the one that speaks to remote engines, and the one that explains
 * what is wrong: whatever is unusual here is left to it.
 */

/** Milliseconds: a local engine answers within two. */
const patience = 1000;

/**
 * Asks the engine for JSON. HTTP/1.0, so that the answer is neither chunked nor followed by another one (RFC 1945).
 * @param path of the Engine API, without a version: the newest that the engine knows.
 * @returns undefined where the engine is not one of this machine, and for everything but the answer 200.
 */
export async function askSocket(endpoint: Endpoint | undefined, path: string): Promise<unknown> {
  const host = endpoint?.host ?? '';
  if (!host.startsWith('unix://')) return undefined;
  const [head = '', ...body] = (
    await exchange(host.slice('unix://'.length), `GET ${path} HTTP/1.0\r\nHost: docker\r\n\r\n`)
  ).split('\r\n\r\n');
  if (!/^HTTP\/1\.[01] 200 /.test(head)) return undefined;
  return parseJson(body.join('\r\n\r\n'));
}

/** Sends a request and returns all that comes back, which may be nothing. */
function exchange(socket: string, request: string): Promise<string> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const chunks: Buffer[] = [];
    connection
      .setTimeout(patience, () => connection.destroy())
      .on('data', (chunk) => chunks.push(chunk))
      .on('error', () => undefined)
      .on('close', () => resolve(Buffer.concat(chunks).toString()))
      .write(request);
  });
}
