import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault, FaultKind } from './faults.ts';

/** A registry's error responses. Distribution spec, "error codes" */
export type Refusal = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export const unauthorized = (headers: Refusal['headers']): Refusal => ({
  status: 401,
  code: 'UNAUTHORIZED',
  message: 'authentication required',
  ...(headers === undefined ? {} : { headers }),
});

const refusals: Partial<Record<FaultKind, Refusal>> = {
  '429 with Retry-After': {
    status: 429,
    code: 'TOOMANYREQUESTS',
    message: 'too many requests',
  },
  // As GitHub's registry does it.
  '403 for a rate limit': {
    status: 403,
    code: 'DENIED',
    message: 'You have exceeded a secondary rate limit',
  },
  '500': { status: 500, code: 'UNKNOWN', message: 'unknown error' },
  // As distribution answers while somebody else writes the same, and others while it does not show.
  'what a manifest names is unknown': {
    status: 400,
    code: 'MANIFEST_BLOB_UNKNOWN',
    message: 'blob unknown to registry',
  },
  '503': { status: 503, code: 'UNAVAILABLE', message: 'service unavailable' },
};

/** @returns undefined for a fault of another kind. */
export const refusalOf = ({ kind, amount }: Fault): Refusal | undefined => {
  const refusal = refusals[kind];
  return refusal?.status === 429
    ? { ...refusal, headers: { 'retry-after': `${Math.floor(amount * 3)}` } }
    : refusal;
};

/** Answers in the place of the registry; what the client sends is read, and thrown away. */
export const refuse = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, code, message, headers = {} }: Refusal,
): void => {
  incoming.resume();
  const body = incoming.method === 'HEAD' ? '' : JSON.stringify({ errors: [{ code, message }] });
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
};
