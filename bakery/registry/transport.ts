/** Sends one HTTP request to a registry and repeats it until its answer is final. The only user of undici. */

import tls from 'node:tls';
import type { Dispatcher } from 'undici';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { patienceOf, type WrittenSettings } from '../catalogue/settings.rules.ts';
import { persist } from '../host/retry.ts';
import { retryPolicies } from '../host/retry-policy.rules.ts';
import { proxyOf, type ProxySettings, readProxySettings } from './proxy.ts';
import { tunnelStatusOf } from './foreign-text.rules.ts';
import {
  type Asked,
  RegistryError,
  type RegistryFailure,
  reasonOfAnswer,
  reasonOfNoAnswer,
} from './registry-error.rules.ts';

export type Request = Asked & {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  /** Whether its body, or that of its answer, is a blob: a layer may have some hundred megabytes. */
  readonly isLarge?: true;
};

export type Answer = {
  readonly request: Request;
  readonly status: number;
  readonly statusText: string;
  readonly headers: { readonly get: (name: string) => string | null };
  readonly body: Uint8Array<ArrayBuffer>;
};

export type Transport = {
  readonly signal: AbortSignal;
  /**
   * Reads the whole answer, so an answer that breaks off is requested again.
   * @throws RegistryError without a status if no answer came; UserError E_INTERRUPTED.
   */
  readonly send: (request: Request) => Promise<Answer>;
};

/** The settings that a registry's client follows. */
export type RegistrySettings = Pick<WrittenSettings, 'patience' | 'proxy'>;

/** The parts of undici that send a request. */
type Http = { readonly fetch: (typeof import('undici'))['fetch']; readonly dispatcher: Dispatcher };

/** Milliseconds for an answer without a blob, to its last byte. */
const longest = 60_000;

export function openTransport(signal: AbortSignal, settings: RegistrySettings): Transport {
  const patience = patienceOf(settings);
  const proxies = readProxySettings(settings.proxy);
  let http: Promise<Http> | undefined;
  return {
    signal,
    send: (request) =>
      persist(
        async () => {
          const limit = request.isLarge === true ? patience : Math.min(longest, patience);
          const late = AbortSignal.timeout(limit);
          try {
            http ??= openHttp(proxies);
            return await exchange(request, await http, AbortSignal.any([signal, late]));
          } catch (error) {
            if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
            throw noAnswer(request, proxies, error, late.aborted ? limit : undefined);
          }
        },
        {
          policy: retryPolicies.request,
          signal,
          ofResult: ({ status, body }) => reasonOfAnswer(status, body),
          ofError: reasonOfNoAnswer,
          pauseOf: ({ headers }) => retryAfterOf(headers),
        },
      ),
  };
}

async function exchange(
  request: Request,
  { fetch, dispatcher }: Http,
  signal: AbortSignal,
): Promise<Answer> {
  const { method, url, headers = {}, body } = request;
  if (url.startsWith('https:')) trustSystem();
  const init = body === undefined ? {} : { body };
  const response = await fetch(url, { method, headers, ...init, signal, dispatcher });
  return {
    request,
    status: response.status,
    statusText: response.statusText,
    headers: response.headers,
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

/**
 * Loads undici with the first request, because most verbs of bakery send none. Each request, also one after a redirection,
 * takes the proxy of its own host. The time limit is that of the signal alone.
 */
async function openHttp(settings: ProxySettings): Promise<Http> {
  const { Agent, fetch, ProxyAgent } = await import('undici');
  const options = { headersTimeout: 0, bodyTimeout: 0 };
  const agents = new Map<string, Dispatcher>();
  const agentOf = (uri: string): Dispatcher => {
    // Proxies seldom let plain HTTP through a tunnel.
    const agent = agents.get(uri) ?? new ProxyAgent({ ...options, uri, proxyTunnel: false });
    agents.set(uri, agent);
    return agent;
  };
  const dispatcher = new Agent(options).compose((direct) => (request, handler) => {
    const uri = proxyOf(new URL(String(request.origin)), settings);
    return uri === undefined ? direct(request, handler) : agentOf(uri).dispatch(request, handler);
  });
  return { fetch, dispatcher };
}

/** @param limit milliseconds, if the time limit of the attempt was reached. */
function noAnswer(
  request: Request,
  proxies: ProxySettings,
  error: unknown,
  limit: number | undefined,
): RegistryError {
  const { url } = request;
  const proxy = URL.canParse(url) ? proxyOf(new URL(url), proxies) : undefined;
  return new RegistryError({
    request,
    ...(limit === undefined
      ? whyOf(rootOf(error))
      : { reason: `no answer in ${limit / 1000} s`, network: 'TIMEOUT' }),
    ...(proxy === undefined ? {} : { proxy }),
    cause: error,
  });
}

/** fetch itself only ever says "fetch failed"; the innermost cause contains the reason. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error;
}

function whyOf(cause: unknown): Pick<RegistryFailure, 'reason' | 'network'> {
  const status = tunnelStatusOf(messageOf(cause));
  if (status !== undefined) {
    const code = status < 500 ? 'REFUSED' : 'UNAVAILABLE';
    return { reason: `the proxy answered ${status}`, network: code };
  }
  // A host with several addresses fails with one error for each.
  const each = cause instanceof AggregateError ? cause.errors.map(messageOf) : [];
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return {
    reason: each.length > 0 ? each.join(', ') : messageOf(cause),
    network: typeof code === 'string' ? code : 'UNKNOWN',
  };
}

let trusting = false;

/** Trusts the system's certificates, as docker does, besides Node's own list. Node 22.19 and 24.5 can. */
function trustSystem(): void {
  if (trusting) return;
  trusting = true;
  tls.setDefaultCACertificates?.([
    ...tls.getCACertificates('default'),
    ...tls.getCACertificates('system'),
  ]);
}

/** `Retry-After` in milliseconds; the header contains seconds or a date. RFC 9110, 10.2.3 */
function retryAfterOf(headers: Answer['headers']): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? undefined : wait;
}
