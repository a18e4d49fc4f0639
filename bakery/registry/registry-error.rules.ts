/** The error of a registry: status, codes, method and address, and the rules that judge it by them. */

import { z } from 'zod';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import type { RetryReason } from '../host/retry-policy.rules.ts';
import { isRateLimitMessage } from './foreign-text.rules.ts';

// Distribution spec, "error codes"
const Faults = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string().default('') })),
});

/** One entry of `errors` in a registry's answer. */
export type RegistryFault = { readonly code: string; readonly message: string };

/** The fields of a request that errors show. */
export type Asked = {
  /** The reference, or the reference and the token service. */
  readonly subject: string;
  readonly method: string;
  readonly url: string;
};

/** The facts about a request that failed. */
export type RegistryFailure = {
  readonly request: Asked;
  /** Absent if no complete answer came. */
  readonly status?: number;
  /** The reason phrase, or why no answer came or the answer is invalid. */
  readonly reason: string;
  readonly faults?: readonly RegistryFault[];
  /**
   * Code of the system, of TLS or of the HTTP client: `ECONNRESET`; `TIMEOUT` for the limit of one attempt; `REFUSED` for a
   * proxy that refused.
   */
  readonly network?: string;
  /** Address of the proxy that the request took. */
  readonly proxy?: string | undefined;
  readonly cause?: unknown;
};

/** Code E_REGISTRY. The message contains the subject, the status and the registry's own words. */
export class RegistryError extends UserError {
  readonly method: string;
  /** The URL without its query, which may contain the state of an upload. */
  readonly address: string;
  readonly status: number | undefined;
  readonly faults: readonly RegistryFault[];
  /** The registry's codes: `MANIFEST_BLOB_UNKNOWN`. */
  readonly codes: readonly string[];
  readonly network: string | undefined;

  constructor(failure: RegistryFailure) {
    const { request, status, reason, faults = [], proxy, cause } = failure;
    const said = faults.map(({ code, message }) => `${code} ${message}`.trim());
    const first = status === undefined ? reason : `${status} ${reason}`;
    const way =
      proxy === undefined || (status !== undefined && status !== 407)
        ? []
        : [`through the proxy ${proxy}`];
    super('E_REGISTRY', redacted([request.subject, ...way, first, ...said].join(': ')), {
      hint:
        way.length > 0
          ? 'check "proxy" in bakery.local.yaml, or HTTPS_PROXY and NO_PROXY'
          : 'check the address and `docker login`, or name a mirror in bakery.local.yaml',
      ...(cause === undefined ? {} : { cause }),
    });
    this.method = request.method;
    this.address = redacted(request.url.replace(/\?.*$/s, ''));
    this.status = status;
    this.faults = faults;
    this.codes = faults.map(({ code }) => code);
    this.network = failure.network;
  }
}

/** The error of an answer with another status than the expected one. */
export function refusal({
  request,
  status,
  statusText,
  body,
}: {
  readonly request: Asked;
  readonly status: number;
  readonly statusText: string;
  readonly body: Uint8Array;
}): RegistryError {
  return new RegistryError({ request, status, reason: statusText, faults: parseFaults(body) });
}

/** The error of an answer whose content is not the requested one. */
export function invalid({ request }: { readonly request: Asked }, cause: unknown): RegistryError {
  return new RegistryError({ request, reason: messageOf(cause), cause });
}

/** Why the same request may have another answer later; undefined if this one is final. */
export function reasonOfAnswer(status: number, body: Uint8Array): RetryReason | undefined {
  if (status === 429) return 'rate limit';
  if (status >= 500 && status !== 501) return 'busy';
  const isRateLimit = status === 403 && isRateLimitMessage(Buffer.from(body).toString());
  return isRateLimit ? 'rate limit' : undefined;
}

/** Why the same request may have an answer later; undefined if it may not. */
export function reasonOfNoAnswer(error: unknown): RetryReason | undefined {
  if (!(error instanceof RegistryError) || error.network === undefined) return undefined;
  if (error.network === 'TIMEOUT') return 'no answer';
  return final.test(error.network) ? undefined : 'connection reset';
}

/**
 * Why it may succeed to write the same again from the beginning. Digests are computed by the sender, so sending again repairs
 * an upload of which something was lost. Some registries show late what was written, and distribution's file storage reads an
 * empty link while another client writes the same one. Distribution spec, "error codes"
 */
export function reasonOfWrite(error: unknown): RetryReason | undefined {
  if (!(error instanceof RegistryError)) return undefined;
  if (error.codes.some((code) => unseen.includes(code))) return 'blob unknown';
  return error.codes.some((code) => torn.includes(code)) ? 'torn upload' : undefined;
}

const unseen = ['BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN'];
const torn = ['DIGEST_INVALID', 'SIZE_INVALID', 'BLOB_UPLOAD_INVALID', 'BLOB_UPLOAD_UNKNOWN'];

/** Nobody listens, a proxy refused, the name does not exist, the certificate is not trusted, or the address is not a URL. */
const final =
  /^(?:REFUSED|ECONNREFUSED|ENOTFOUND|ERR_INVALID_URL|CERT_\w+|ERR_TLS_CERT\w*|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+)$/;

/** @returns an empty list for a body without codes. */
function parseFaults(body: Uint8Array): RegistryFault[] {
  return parseJson(Buffer.from(body).toString(), Faults)?.errors ?? [];
}
