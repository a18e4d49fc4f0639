/** The client of the engine's own socket, for the one request of every start. */

import { connect } from 'node:net';
import type { Endpoint } from '@ai-bakery/kernel/endpoint.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';

/**
 * Startup trick `socket`. Docker's client could make the request, but takes longer to start than all the rest of ai-run. It
 * still serves remote engines, and reports every failure: this client returns undefined for anything unusual.
 */

/** Milliseconds to wait; a local engine answers within two. */
const patience = 1000;

/**
 * Requests JSON from the engine. HTTP/1.0, so that the answer is neither chunked nor followed by another one (RFC 1945).
 * @param path of the Engine API, without a version, which means the engine's newest.
 * @returns undefined if the engine is not on this machine, and for every status but 200.
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

/** Sends a request and returns the whole answer, which may be empty. */
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
