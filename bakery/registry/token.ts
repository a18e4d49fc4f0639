/** Answers a registry's challenge with docker's credentials, or with a token of the token service. */

import { z } from 'zod';
import { parseAnswer } from '@ai-bakery/kernel/json.ts';
import { parseChallenge } from './challenge.rules.ts';
import { type Credentials, readCredentials } from './docker-config.ts';
import { invalid, refusal } from './registry-error.rules.ts';
import type { Answer, Request, Transport } from './transport.ts';

// distribution.github.io/distribution/spec/auth/token and …/oauth
const Token = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/**
 * The value of `Authorization` that answers a challenge.
 * @returns undefined if docker has no credentials, or if the token service refuses them.
 * @throws RegistryError that names the token service if it fails otherwise.
 */
export async function authorize(
  { headers, request: { subject } }: Answer,
  registry: string,
  transport: Transport,
): Promise<string | undefined> {
  const challenge = parseChallenge(headers.get('www-authenticate'));
  const credentials = await readCredentials(registry);
  if (challenge?.scheme === 'basic')
    return credentials?.kind === 'password' ? basic(credentials) : undefined;
  const { realm, service = '', scope = '' } = challenge?.parameters ?? {};
  if (realm === undefined) return undefined;
  const request = tokenRequest(realm, { service, scope }, credentials);
  const named = URL.canParse(realm) ? new URL(realm).host : realm;
  const answer = await transport.send({
    ...request,
    subject: `${subject}: no token from ${named}`,
  });
  if (answer.status >= 400 && answer.status < 404) return undefined;
  return `Bearer ${parseToken(answer)}`;
}

function basic({ user, secret }: Credentials & { kind: 'password' }): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}

function tokenRequest(
  realm: string,
  about: { readonly service: string; readonly scope: string },
  credentials: Credentials | undefined,
): Omit<Request, 'subject'> {
  if (credentials?.kind === 'identity') {
    const body = new URLSearchParams({
      ...about,
      grant_type: 'refresh_token',
      refresh_token: credentials.token,
      client_id: 'bakery',
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm, headers, body: body.toString() };
  }
  if (!URL.canParse(realm)) return { method: 'GET', url: realm };
  const url = new URL(realm);
  url.searchParams.set('service', about.service);
  // A mount reads one repository and writes another: each has a scope of its own.
  for (const scope of about.scope.split(' ')) url.searchParams.append('scope', scope);
  const headers = credentials === undefined ? {} : { authorization: basic(credentials) };
  return { method: 'GET', url: url.href, headers };
}

function parseToken(answer: Answer): string {
  if (answer.status !== 200) throw refusal(answer);
  try {
    const { token, access_token } = parseAnswer(
      Buffer.from(answer.body).toString(),
      Token,
      'the token service',
    );
    return token ?? access_token ?? '';
  } catch (error) {
    throw invalid(answer, error);
  }
}
