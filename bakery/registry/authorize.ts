import { z } from 'zod';
import { parseChallenge } from './challenge.rules.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { type Answer, ask } from './http.ts';

/** Answers a registry's challenge with the credentials that docker has. */

// distribution.github.io/distribution/spec/auth/token and …/oauth
const Token = z
  .object({ token: z.string().optional(), access_token: z.string().optional() })
  .transform(({ token, access_token }) => token ?? access_token);

/**
 * The value of `Authorization` that answers a challenge, or undefined for nobody.
 * @throws Error that names the token service where it gives none for another reason than who asks.
 */
export async function authorize(
  { headers }: Answer,
  registry: string,
  signal: AbortSignal,
  patience: number,
): Promise<string | undefined> {
  const challenge = parseChallenge(headers.get('www-authenticate'));
  const credentials = await readCredentials(registry);
  if (challenge?.scheme === 'basic')
    return credentials?.kind === 'password' ? basic(credentials) : undefined;
  const { realm, service = '', scope = '' } = challenge?.parameters ?? {};
  if (realm === undefined) return undefined;
  const request = tokenRequest(realm, { service, scope }, credentials);
  const answer = await ask(...request, signal, patience);
  if (answer.status >= 400 && answer.status < 404) return undefined;
  if (answer.status !== 200)
    throw new Error(`no token from ${new URL(realm).host}: ${answer.status} ${answer.statusText}`);
  return `Bearer ${Token.parse(JSON.parse(Buffer.from(answer.body).toString())) ?? ''}`;
}

function basic({ user, secret }: Credentials & { kind: 'password' }): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}

function tokenRequest(
  realm: string,
  about: { readonly service: string; readonly scope: string },
  credentials: Credentials | undefined,
): [string, RequestInit] {
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
  url.searchParams.set('service', about.service);
  // To mount a blob is to read one repository and to write another: each is a scope of its own.
  for (const scope of about.scope.split(' ')) url.searchParams.append('scope', scope);
  return [url.href, { headers: credentials ? { authorization: basic(credentials) } : {} }];
}
