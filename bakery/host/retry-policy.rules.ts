/** The retry policies: for each operation the reasons for another attempt, the attempts and the pauses. */

/** Why an attempt may succeed when it is repeated. */
export type RetryReason =
  /** 5xx, or words to that effect. */
  | 'busy'
  /** 429, or a 403 of a registry that means the same. */
  | 'rate limit'
  /** The connection broke before the answer was complete. */
  | 'connection reset'
  /** The time limit of one attempt was reached. */
  | 'no answer'
  /** 401: the token has expired, or the request was the first one and had no token. */
  | 'expired token'
  /** A read does not return yet what was written before. */
  | 'not visible yet'
  /** The registry does not know a blob that was uploaded before. */
  | 'blob unknown'
  /** The registry received other bytes than were sent, or lost an upload. */
  | 'torn upload'
  /** Builds that export at the same time raced for a snapshot. */
  | 'snapshot race'
  /** A build showed no progress and was ended. */
  | 'stuck';

/** The rules by which one operation is repeated. */
export type RetryPolicy = {
  /** Attempts at most, the first one included. */
  readonly tries: number;
  /** Milliseconds before the second attempt; each further pause is twice as long. */
  readonly firstPause: number;
  /** Every other failure is final. */
  readonly reasons: readonly RetryReason[];
};

const ofRegistries = ['busy', 'rate limit', 'connection reset'] as const;
const ofUploads = ['blob unknown', 'torn upload'] as const;

/**
 * One policy for each operation. Operations of docker, BuildKit and cosign start with longer pauses, because these programs
 * have already repeated their requests by themselves.
 */
export const retryPolicies = {
  /** One HTTP request. */
  request: { tries: 5, firstPause: 250, reasons: [...ofRegistries, 'no answer'] },
  /** One request with new credentials. */
  authorization: { tries: 4, firstPause: 0, reasons: ['expired token'] },
  writeManifest: { tries: 6, firstPause: 250, reasons: ['blob unknown'] },
  writeBlob: { tries: 6, firstPause: 250, reasons: ofUploads },
  readBack: { tries: 6, firstPause: 250, reasons: ['not visible yet'] },
  /** `docker pull` */
  pull: {
    tries: 4,
    firstPause: 2000,
    reasons: [...ofRegistries, 'no answer', 'not visible yet'],
  },
  /** `cosign sign` */
  sign: { tries: 4, firstPause: 1000, reasons: [...ofRegistries, ...ofUploads] },
  /** A build that pushes. */
  push: {
    tries: 4,
    firstPause: 4000,
    reasons: [...ofRegistries, ...ofUploads, 'snapshot race', 'stuck'],
  },
  /** A build that exports into the engine. */
  export: { tries: 4, firstPause: 0, reasons: ['snapshot race'] },
} as const satisfies Record<string, RetryPolicy>;

/** Nothing is gained by waiting: the cause has gone when the attempt fails. */
const immediate: readonly RetryReason[] = ['expired token', 'snapshot race', 'stuck'];

const longestPause = 60_000;

/**
 * Milliseconds to wait before the next attempt, at most a minute. Doubles with each attempt; a random factor keeps parallel
 * clients from returning at the same time.
 * @param tries attempts so far.
 * @param requested milliseconds that the server has requested.
 * @param chance from 0 to 1.
 */
export function retryPause(
  { firstPause }: RetryPolicy,
  reason: RetryReason,
  { tries, requested, chance }: { tries: number; requested?: number | undefined; chance: number },
): number {
  if (immediate.includes(reason)) return 0;
  const pause = requested ?? firstPause * 2 ** (tries - 1) * (0.5 + chance);
  return Math.min(Math.max(pause, 0), longestPause);
}
