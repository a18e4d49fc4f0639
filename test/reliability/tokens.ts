import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tokenPath } from './request.ts';

/** A token service, as registries have one: every client gets a token, except those with a wrong password. */
export type Tokens = {
  readonly issue: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  readonly isValid: (authorization: string | undefined) => boolean;
  /** Revokes this token, whatever lifetime it was given. */
  readonly expire: (authorization: string | undefined) => void;
  readonly issued: () => number;
};

export const password = 'right';

const isWrong = (authorization: string | undefined): boolean => {
  const given = /^Basic (.*)$/.exec(authorization ?? '')?.[1];
  return (
    given !== undefined &&
    Buffer.from(given, 'base64').toString().split(':').slice(1).join(':') !== password
  );
};

/** distribution.github.io/distribution/spec/auth/token */
export const openTokens = (): Tokens => {
  const valid = new Set<string>();
  let issued = 0;
  return {
    issue: (incoming, outgoing) => {
      if (isWrong(incoming.headers.authorization)) {
        outgoing.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
        return;
      }
      const token = randomBytes(12).toString('hex');
      valid.add(`Bearer ${token}`);
      issued += 1;
      // Sixty seconds is the least that clients expect; this one may well be worth nothing before.
      const body = { token, access_token: token, expires_in: 60 };
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    },
    isValid: (authorization = '') => valid.has(authorization),
    expire: (authorization = '') => valid.delete(authorization),
    issued: () => issued,
  };
};

/** The answer to a request without a token, or with one that has expired. */
export const challenge = (
  host: string,
  repository: string,
  authorization: string | undefined,
): Record<string, string> => {
  const scope = repository === '' ? '' : `,scope="repository:${repository}:pull,push"`;
  const error = authorization === undefined ? '' : ',error="invalid_token"';
  return {
    'www-authenticate': `Bearer realm="http://${host}${tokenPath}",service="registry"${scope}${error}`,
  };
};
