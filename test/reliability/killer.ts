import { chance, pick } from './random.ts';
import { isPublicTag, isWrite, type RegistryRequest } from './request.ts';

export const moments = [
  'at any time',
  'while BuildKit uploads a blob',
  'while BuildKit writes a manifest',
  'while docker pulls',
  'while a test is recorded',
  'while tags are moved',
  'before tags are read back',
] as const;

/** When a publication is killed: some time after its start, or shortly after a request of its. */
export type Moment = {
  readonly name: (typeof moments)[number];
  /** From 0 to 1: how late. */
  readonly amount: number;
  /** The number of requests of that kind that come before. */
  readonly nth: number;
};

/** Whether a request is of the kind that a moment waits for. */
export const isAt = (name: Moment['name'], request: RegistryRequest, moved: boolean): boolean => {
  const { about, method, reference } = request;
  const writes = about === 'manifest' && isWrite(request);
  switch (name) {
    case 'at any time':
      return false;
    case 'while BuildKit uploads a blob':
      return about === 'upload' && isWrite(request);
    case 'while BuildKit writes a manifest':
      return writes && /^(stg-|sha256:)/.test(reference);
    case 'while docker pulls':
      return about === 'blob' && method === 'GET';
    case 'while a test is recorded':
      return writes && reference.startsWith('tested-');
    case 'while tags are moved':
      return writes && isPublicTag(reference);
    case 'before tags are read back':
      return about === 'manifest' && moved && method === 'GET' && isPublicTag(reference);
  }
};

/** Whether this run is killed, and when: half of them are, and a third of those at any time. */
export const momentOf = (seed: number, run: number): Moment | undefined => {
  if (chance(seed, run, 'killed') < 0.5) return undefined;
  const [any, first, ...others] = moments;
  const name =
    chance(seed, run, 'any') < 1 / 3 ? any : pick([first, ...others], chance(seed, run, 'where'));
  const nth = Math.floor(chance(seed, run, 'nth') * 3);
  return { name, amount: chance(seed, run, 'when'), nth };
};
