import { chance, pick } from './random.ts';
import { isWrite, type RegistryRequest } from './request.ts';

/** Faults between a client and a registry. */
export const faultKinds = [
  '429 with Retry-After',
  '403 for a rate limit',
  '500',
  '503',
  'reset before the registry is asked',
  'reset after the registry has done it',
  'reset in the middle of an answer',
  'reset in the middle of an upload',
  'truncated answer',
  'truncated upload',
  'slow',
  'no answer',
  'expired token',
  'read-after-write lag',
  'what a manifest names is unknown',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One fault, with a number from 0 to 1 that says how much of it. */
export type Fault = { readonly kind: FaultKind; readonly amount: number };

/** Decides what happens to a request: nothing, mostly. */
export type Faults = (request: RegistryRequest) => Fault | undefined;

export const noFaults: Faults = () => undefined;

/** The first so many of these, and none after them. */
export const atMost = (number: number, faults: Faults): Faults => {
  let left = number;
  return (request) => {
    const fault = left > 0 ? faults(request) : undefined;
    if (fault !== undefined) left -= 1;
    return fault;
  };
};

/** Bodies that are large enough to break in the middle. */
const hasUpload = ({ method, about }: RegistryRequest): boolean =>
  (about === 'upload' && (method === 'PUT' || method === 'PATCH')) ||
  (about === 'manifest' && method === 'PUT');
const hasAnswer = ({ method, about }: RegistryRequest): boolean =>
  method === 'GET' && about !== 'registry';

const canHave = (kind: FaultKind, request: RegistryRequest): boolean => {
  switch (kind) {
    case 'reset in the middle of an answer':
    case 'truncated answer':
      return hasAnswer(request);
    case 'reset in the middle of an upload':
      return hasUpload(request);
    case 'truncated upload':
      return hasUpload(request) && request.about === 'upload';
    case 'expired token':
      return request.about !== 'token' && request.about !== 'registry';
    case 'read-after-write lag':
    case 'what a manifest names is unknown':
      return request.about === 'manifest' && request.method === 'PUT';
    case '403 for a rate limit':
      return isWrite(request);
    case '429 with Retry-After':
    case '500':
    case '503':
    case 'reset before the registry is asked':
    case 'reset after the registry has done it':
    case 'slow':
    case 'no answer':
      return true;
  }
};

/**
 * Faults at random. The fault of a request depends on the seed, on its method and address, and on the number of equal
 * requests before it; not on others under way.
 * @param rate from 0 to 1: how many of the requests have a fault.
 */
export const randomFaults = (
  seed: number,
  rate: number,
  kinds: readonly FaultKind[] = faultKinds,
): Faults => {
  const before = new Map<string, number>();
  return (request) => {
    const { method, about, repository, reference } = request;
    // Digests and the catalogue's own names differ from series to series.
    const name = `${method} ${about} ${repository} ${reference}`.replaceAll(/[0-9a-f]{12,}/g, '#');
    const nth = before.get(name) ?? 0;
    before.set(name, nth + 1);
    if (chance(seed, name, nth, 'whether') >= rate) return undefined;
    const [first, ...others] = kinds.filter((kind) => canHave(kind, request));
    if (first === undefined) return undefined;
    return {
      kind: pick([first, ...others], chance(seed, name, nth, 'which')),
      amount: chance(seed, name, nth, 'how much'),
    };
  };
};
