/** Reads from the words of docker, BuildKit, cosign and undici why a request failed, where they have no codes. */

import type { RetryReason } from '../host/retry-policy.rules.ts';

type Words = readonly (readonly [reason: RetryReason, words: RegExp])[];

/** GitHub's registry answers 403 to too many requests; its message distinguishes that from a refusal. */
const rateLimit = /\brate.?limit|too ?many ?requests/i;

/** BuildKit prints a registry's own explanation, if it has one, in place of the status. */
const ofRegistries: Words = [
  ['rate limit', rateLimit],
  ['rate limit', /\b429\b/],
  ['busy', /\b(?:408|50[0234])\b/],
  [
    'busy',
    /: unavailable\b|service unavailable|unknown error|internal server error|bad gateway|gateway time-?out/i,
  ],
  [
    'connection reset',
    /connection reset|broken pipe|(?:unexpected |: )EOF\b|i\/o timeout|handshake timeout/i,
  ],
];

/** The messages are those of the distribution registry and of registries derived from it. */
const ofUploads: Words = [
  ['blob unknown', /blob unknown|BLOB_UNKNOWN/i],
  [
    'torn upload',
    /digest did not match|length did not match|blob (?:upload unknown|(?:upload )?invalid)|(?:DIGEST|SIZE|BLOB_UPLOAD)_INVALID|BLOB_UPLOAD_UNKNOWN/i,
  ],
];

const ofSnapshots: Words = [
  ['snapshot race', /snapshot \S+ does not exist|snapshot .*already exists|locked for|unavailable/],
];

/**
 * A name that docker does not find, although its index was read by digest a moment ago: it does not show yet, or another run
 * has removed the name, or pulls another platform of it.
 */
const ofNames: Words = [
  ['not visible yet', /\bnot found\b|\bNo such image\b|failed to read config content/],
];

/** Whether a registry's message explains a 403 as a rate limit. */
export function isRateLimitMessage(text: string): boolean {
  return rateLimit.test(text);
}

/** @returns why a build may push successfully when it is repeated; undefined if the failure is final. */
export function reasonOfBuildKit(text: string): RetryReason | undefined {
  return find(text, [...ofRegistries, ...ofUploads, ...ofSnapshots]);
}

/** @returns `busy`, `rate limit` or `connection reset` if the registry, not the build, has failed. */
export function registryReasonOfBuildKit(text: string): RetryReason | undefined {
  return find(text, ofRegistries);
}

/**
 * Images that are exported into the engine at the same time race for the snapshots they share. BuildKit then reports one as
 * missing, existing or locked. Nothing is lost: exported images stay, and all layers are cached.
 */
export function snapshotReasonOfBuildKit(text: string): RetryReason | undefined {
  return find(text, ofSnapshots);
}

/** @returns why `docker pull` may succeed when it is repeated. */
export function reasonOfDockerPull(text: string): RetryReason | undefined {
  return find(text, [...ofRegistries, ...ofNames]);
}

/** @returns why `cosign sign` may succeed when it is repeated. */
export function reasonOfCosign(text: string): RetryReason | undefined {
  return find(text, [...ofRegistries, ...ofUploads]);
}

/** The status with which a proxy refused a tunnel, from undici's message; undefined for another failure. */
export function tunnelStatusOf(text: string): number | undefined {
  const status = /^Proxy response \((\d{3})\)/.exec(text)?.[1];
  return status === undefined ? undefined : Number(status);
}

function find(text: string, words: Words): RetryReason | undefined {
  return words.find(([, pattern]) => pattern.test(text))?.[0];
}
