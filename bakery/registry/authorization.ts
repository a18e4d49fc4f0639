/** Sends requests with the credentials that the registry wants, and renews them when they expire. */

import { persist } from '../host/retry.ts';
import { retryPolicies } from '../host/retry-policy.rules.ts';
import { isOfRegistry, type Place } from './place.rules.ts';
import { authorize } from './token.ts';
import type { Answer, Request, Transport } from './transport.ts';

/** One request about a place; without a method it reads. */
type PlacedRequest = Omit<Request, 'subject' | 'method'> & {
  readonly method?: Request['method'];
};

export type Client = {
  readonly signal: AbortSignal;
  /** @returns the answer, that to wrong credentials included. @throws RegistryError if no answer came. */
  readonly send: (place: Place, request: PlacedRequest) => Promise<Answer>;
};

/** The `Authorization` of each scope, for all requests of one client. */
type Session = {
  /** By scope: the value that a request used last. */
  readonly known: Map<string, string>;
  /** By scope: the renewal under way; all requests that need it share it. */
  readonly renewing: Map<string, Promise<string | undefined>>;
};

/** An answer, and the `Authorization` that its request had. */
type Sent = {
  readonly used: string | undefined;
  readonly answer: Answer;
  /** Whether no other credentials are to be had. */
  readonly isFinal: boolean;
};

export function openClient(transport: Transport): Client {
  const session: Session = { known: new Map(), renewing: new Map() };
  return {
    signal: transport.signal,
    send: (place, { method = 'GET', ...request }) => {
      const full = { ...request, method, subject: place.subject };
      // Another origin, to which an upload may be sent, gets no credentials.
      return isOfRegistry(request.url, place)
        ? sendAuthorized(place, full, transport, session)
        : transport.send(full);
    },
  };
}

async function sendAuthorized(
  place: Place,
  request: Request,
  transport: Transport,
  session: Session,
): Promise<Answer> {
  const access = request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'write';
  const scope = `${access} ${place.registry}/${place.repository}`;
  const attempt = async (previous: Sent | undefined): Promise<Sent> => {
    if (previous !== undefined && !(await renew(scope, place, previous, transport, session)))
      return { ...previous, isFinal: true };
    const used = session.known.get(scope);
    const headers = { ...request.headers, ...(used === undefined ? {} : { authorization: used }) };
    return { used, answer: await transport.send({ ...request, headers }), isFinal: false };
  };
  const { answer } = await persist(attempt, {
    policy: retryPolicies.authorization,
    signal: transport.signal,
    ofResult: (sent) => (sent.answer.status === 401 && !sent.isFinal ? 'expired token' : undefined),
  });
  return answer;
}

/** @returns whether there are other credentials than those that were refused. */
async function renew(
  scope: string,
  { registry }: Place,
  { used, answer }: Sent,
  transport: Transport,
  { known, renewing }: Session,
): Promise<boolean> {
  // Another request may have renewed them meanwhile.
  if (known.get(scope) !== used) return true;
  const renewal =
    renewing.get(scope) ??
    authorize(answer, registry, transport).finally(() => {
      renewing.delete(scope);
    });
  renewing.set(scope, renewal);
  const authorization = await renewal;
  if (authorization === undefined || authorization === used) return false;
  known.set(scope, authorization);
  return true;
}
