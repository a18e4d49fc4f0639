import tls from 'node:tls';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { isRateLimit, retryDelay } from './challenge.rules.ts';
import { pause } from '../host/retry.ts';

/** One request to a registry, asked until there is an answer that will not change by asking again. */

export type Answer = {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
};

const maximumTries = 5;

let trusting = false;

/** A registry on loopback is spoken to in plain HTTP, as docker does. */
export function addressOf(registry: string): string {
  const name = registry.replace(/:\d+$/, '');
  if (name === 'localhost' || name.startsWith('127.')) return `http://${registry}`;
  trustSystem();
  return `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`;
}

/**
 * Reads the whole answer, so that one that breaks off in the middle is asked for again as well.
 * @param patience milliseconds that sending and answering may take.
 * @throws Error that says what the connection died of; UserError E_INTERRUPTED.
 */
export async function ask(
  url: string,
  init: RequestInit,
  signal: AbortSignal,
  patience: number,
): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    let asked: number | undefined;
    try {
      const response = await fetch(url, { ...init, signal: limit });
      const body = new Uint8Array(await response.arrayBuffer());
      const { status, statusText, headers } = response;
      const answer = { status, statusText, headers, body };
      if (!isPassing(answer) || tries >= maximumTries) return answer;
      asked = retryAfterOf(headers);
    } catch (error) {
      if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
      // fetch itself only ever says "fetch failed"; its cause says why.
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      // Nobody listens, or the name does not exist: that does not pass.
      if (tries >= maximumTries || /ECONNREFUSED|ENOTFOUND/.test(String(cause)))
        throw new Error(isLate(error) ? `no answer in ${patience / 1000} s` : messageOf(cause), {
          cause: error,
        });
    }
    await pause(retryDelay(asked, tries, Math.random()), signal);
  }
}

/** Trusts what the system trusts, as docker does, besides Node's own list. Node 22.19 and 24.5 can. */
function trustSystem(): void {
  if (trusting) return;
  trusting = true;
  tls.setDefaultCACertificates?.([
    ...tls.getCACertificates('default'),
    ...tls.getCACertificates('system'),
  ]);
}

function isPassing({ status, body }: Answer): boolean {
  return (
    status === 429 ||
    (status >= 500 && status !== 501) ||
    (status === 403 && isRateLimit(Buffer.from(body).toString()))
  );
}

/** `Retry-After` in milliseconds: it is written as seconds or as a date. RFC 9110, 10.2.3 */
function retryAfterOf(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? undefined : wait;
}

function isLate(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
