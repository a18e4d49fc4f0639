import { setTimeout } from 'node:timers/promises';
import tls from 'node:tls';
import { z } from 'zod';
import { messageOf, UserError } from '../../ai-run/core/error.ts';
import { formatReference, parseReference, type Reference } from '../../ai-run/core/reference.ts';
import { redacted } from '../../ai-run/core/text.ts';
import { parseChallenge, retryDelay } from '../core/challenge.ts';
import { type Manifest, mediaTypes, parseManifest } from '../core/manifest.ts';
import { type Credentials, readCredentials } from './credentials.ts';

/** The only file that speaks to registries. Distribution spec: github.com/opencontainers/distribution-spec */

export type Registry = {
  /**
   * What the registry has under a reference.
   * @returns undefined where it has nothing.
   * @throws UserError E_REGISTRY with the reference and the registry's answer.
   */
  readonly readManifest: (reference: string) => Promise<Manifest | undefined>;
};

let trusting = false;
/** Trusts what the system trusts, as docker does, besides Node's own list. Node 22.19 and 24.5 can. */
const trustSystem = (): void => {
  if (trusting) return;
  trusting = true;
  tls.setDefaultCACertificates?.([
    ...tls.getCACertificates('default'),
    ...tls.getCACertificates('system'),
  ]);
};

const maximumTries = 5;
const patience = 60_000;

// distribution.github.io/distribution/spec/auth/token and …/oauth
const Token = z
  .object({ token: z.string().optional(), access_token: z.string().optional() })
  .transform(({ token, access_token }) => token ?? access_token);

/** A registry on loopback is spoken to in plain HTTP, as docker does. */
const addressOf = (registry: string): string => {
  const name = registry.replace(/:\d+$/, '');
  if (name === 'localhost' || name.startsWith('127.')) return `http://${registry}`;
  trustSystem();
  return `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`;
};

const basic = ({ user, secret }: Credentials & { kind: 'password' }): string =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

const isPassing = ({ status }: Response): boolean =>
  status === 429 || (status >= 500 && status !== 501);

/** `Retry-After` in milliseconds: it is written as seconds or as a date. RFC 9110, 10.2.3 */
const retryAfterOf = (headers: Headers): number | undefined => {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? undefined : wait;
};

/** Asks until there is an answer that will not change by asking again. */
const ask = async (url: string, init: RequestInit, signal: AbortSignal): Promise<Response> => {
  for (let tries = 1; ; tries += 1) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    let asked: number | undefined;
    try {
      const response = await fetch(url, { ...init, signal: limit });
      if (!isPassing(response) || tries >= maximumTries) return response;
      asked = retryAfterOf(response.headers);
      await response.body?.cancel();
    } catch (error) {
      if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
      // fetch itself only ever says "fetch failed"; its cause says why.
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      // Nobody listens, or the name does not exist: that does not pass.
      if (tries >= maximumTries || /ECONNREFUSED|ENOTFOUND/.test(String(cause)))
        throw new Error(messageOf(cause), { cause: error });
    }
    const wait = retryDelay(asked, tries, Math.random());
    await setTimeout(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
  }
};

/** The value of `Authorization` that answers a challenge, or undefined for nobody. */
const authorize = async (
  response: Response,
  registry: string,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const challenge = parseChallenge(response.headers.get('www-authenticate'));
  const credentials = await readCredentials(registry);
  if (challenge?.scheme === 'basic')
    return credentials?.kind === 'password' ? basic(credentials) : undefined;
  const { realm, service = '', scope = '' } = challenge?.parameters ?? {};
  if (realm === undefined) return undefined;
  const answer = await ask(...tokenRequest(realm, { service, scope }, credentials), signal);
  if (!answer.ok) return undefined;
  return `Bearer ${Token.parse(await answer.json()) ?? ''}`;
};

const tokenRequest = (
  realm: string,
  about: { readonly service: string; readonly scope: string },
  credentials: Credentials | undefined,
): [string, RequestInit] => {
  if (credentials?.kind === 'identity') {
    const body = new URLSearchParams({
      ...about,
      grant_type: 'refresh_token',
      refresh_token: credentials.token,
      client_id: 'bakery',
    });
    return [realm, { method: 'POST', body }];
  }
  const url = new URL(realm);
  for (const [name, value] of Object.entries(about)) url.searchParams.set(name, value);
  return [url.href, { headers: credentials ? { authorization: basic(credentials) } : {} }];
};

const refused = (reference: string, answer: string): UserError =>
  new UserError('E_REGISTRY', `${reference}: ${redacted(answer)}`, {
    hint: 'check the address and `docker login`, or name a mirror in bakery.local.yaml',
  });

/** A client of all registries, with the credentials that docker has. */
export const openRegistry = (signal: AbortSignal): Registry => {
  /** By registry and repository: what authorized last. */
  const known = new Map<string, string>();

  const read = async (reference: Reference, registry: string): Promise<Response> => {
    const repository = reference.repository;
    const url = `${addressOf(registry)}/v2/${repository}/manifests/${reference.digest ?? reference.tag ?? 'latest'}`;
    const request = (authorization: string | undefined): Promise<Response> =>
      ask(
        url,
        {
          headers: {
            accept: mediaTypes.join(', '),
            ...(authorization === undefined ? {} : { authorization }),
          },
        },
        signal,
      );
    const place = `${registry}/${repository}`;
    const response = await request(known.get(place));
    // The first time, and whenever a token has expired.
    if (response.status !== 401) return response;
    const authorization = await authorize(response, registry, signal);
    if (authorization === undefined) return response;
    known.set(place, authorization);
    return request(authorization);
  };

  return {
    readManifest: async (text) => {
      const parsed = parseReference(text);
      const { registry = 'docker.io' } = parsed;
      const repository =
        registry === 'docker.io' && !parsed.repository.includes('/')
          ? `library/${parsed.repository}`
          : parsed.repository;
      try {
        const response = await read({ ...parsed, repository }, registry);
        if (response.status === 404) return undefined;
        if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
        const manifest = parseManifest(await response.bytes());
        if (parsed.digest !== undefined && parsed.digest !== manifest.digest)
          throw new Error(`the registry sent ${manifest.digest}`);
        return manifest;
      } catch (error) {
        if (error instanceof UserError) throw error;
        throw refused(formatReference(parsed), messageOf(error));
      }
    },
  };
};
