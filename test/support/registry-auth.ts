import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AuthOptions, refuse } from './registry-answer.ts';

/** Challenges requests without credentials, and issues tokens. distribution.github.io/distribution/spec/auth/token */

/** Answers a request that may not pass, and requests for tokens. @returns whether it has answered. */
export type Auth = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

export function openAuth(options: AuthOptions | undefined): Auth {
  if (options === undefined) return () => false;
  const { scheme, user, password = '' } = options;
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  /** Scopes by token. */
  const tokens = new Map<string, readonly string[]>();
  const issue = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const given = incoming.headers.authorization;
    if (user !== undefined && given !== basic)
      return refuse(outgoing, { status: 401, error: ['UNAUTHORIZED'] });
    const token = `t${tokens.size + 1}`;
    const { searchParams } = new URL(incoming.url ?? '/', 'http://registry');
    tokens.set(`Bearer ${token}`, searchParams.getAll('scope'));
    outgoing.writeHead(200, { 'content-type': 'application/json' });
    outgoing.end(JSON.stringify({ token }));
  };
  return (incoming, outgoing) => {
    const { authorization = '', host = '' } = incoming.headers;
    if (scheme === 'bearer' && incoming.url?.startsWith('/token') === true) {
      issue(incoming, outgoing);
      return true;
    }
    const wanted = scopesOf(incoming);
    const isKnown =
      scheme === 'basic'
        ? authorization === basic
        : wanted.every((scope) => tokens.get(authorization)?.includes(scope));
    if (isKnown && (scheme === 'basic' || tokens.has(authorization))) return false;
    incoming.resume();
    const challenge =
      scheme === 'basic'
        ? 'Basic realm="test"'
        : `Bearer realm="http://${host}/token",service="test",scope="${wanted.join(' ')}"`;
    const headers = { 'www-authenticate': challenge };
    refuse(outgoing, { status: 401, error: ['UNAUTHORIZED'], headers });
    return true;
  };
}

/** A read needs `pull`, a write `pull,push`; a mount also reads its source. */
function scopesOf({ method, url = '/' }: IncomingMessage): string[] {
  const { pathname, searchParams } = new URL(url, 'http://registry');
  const repository = /^\/v2\/(.+?)\/(?:manifests|blobs|tags)\//.exec(pathname)?.[1];
  if (repository === undefined) return [];
  const actions = method === 'GET' || method === 'HEAD' ? 'pull' : 'pull,push';
  const from = searchParams.get('from');
  return [
    `repository:${repository}:${actions}`,
    ...(from === null ? [] : [`repository:${from}:pull`]),
  ];
}
