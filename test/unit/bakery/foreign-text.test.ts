import { describe, expect, test } from 'vitest';
import type { RetryReason } from '../../../bakery/host/retry-policy.rules.ts';
import {
  reasonOfBuildKit,
  reasonOfCosign,
  reasonOfDockerPull,
  registryReasonOfBuildKit,
  snapshotReasonOfBuildKit,
  tunnelStatusOf,
} from '../../../bakery/registry/foreign-text.rules.ts';

type Case = readonly [text: string, reason: RetryReason | undefined];

const ofRegistries: readonly Case[] = [
  ['unexpected status from PUT request to https://r/v2/x: 503 Service Unavailable', 'busy'],
  ['429 Too Many Requests', 'rate limit'],
  ['read tcp 10.0.0.1:443: connection reset by peer', 'connection reset'],
  ['write: broken pipe', 'connection reset'],
  ['failed to copy: unexpected EOF', 'connection reset'],
  ['Patch "https://r/v2/": EOF', 'connection reset'],
  ['dial tcp: i/o timeout', 'connection reset'],
  ['denied: You have exceeded a secondary rate limit', 'rate limit'],
  ['toomanyrequests: Rate exceeded', 'rate limit'],
  ['failed to push r/x:tag: unavailable: service unavailable', 'busy'],
  ['failed to push r/x:tag: unavailable', 'busy'],
  ['failed to push r/x:tag: unknown: unknown error', 'busy'],
  ['401 Unauthorized', undefined],
  ['denied: permission_denied: write_package', undefined],
  ['400 Bad Request', undefined],
  ['404 Not Found', undefined],
  ['RUN <<EOF (set -eu) did not complete successfully: exit code: 1', undefined],
  ['', undefined],
];

const ofUploads: readonly Case[] = [
  [
    'failed to push r/x:tag: unknown: provided digest did not match uploaded content',
    'torn upload',
  ],
  ['provided length did not match content length', 'torn upload'],
  ['manifest blob unknown: blob unknown to registry', 'blob unknown'],
  ['blob upload unknown to registry', 'torn upload'],
  ['400 Bad Request: MANIFEST_BLOB_UNKNOWN blob unknown to registry', 'blob unknown'],
  ['MANIFEST_BLOB_UNKNOWN', 'blob unknown'],
  ['DIGEST_INVALID', 'torn upload'],
  ['manifest invalid: manifest invalid', undefined],
  ['name unknown: repository name not known to registry', undefined],
  ['manifest unknown', undefined],
  ['MANIFEST_UNKNOWN manifest unknown', undefined],
];

const ofSnapshots: readonly Case[] = [
  ['snapshot sha256:abc does not exist: not found', 'snapshot race'],
  ['target snapshot "x": already exists', 'snapshot race'],
  ['ref layer-sha256:abc locked for 1s: unavailable', 'snapshot race'],
];

describe('a failed build', () => {
  test.each([...ofRegistries, ...ofUploads])('%s: %s', (text, reason) => {
    expect(reasonOfBuildKit(text)).toBe(reason);
  });

  test.each(ofSnapshots.slice(0, 2))('%s: %s', (text, reason) => {
    expect(reasonOfBuildKit(text)).toBe(reason);
    expect(registryReasonOfBuildKit(text)).toBeUndefined();
  });

  test.each(ofRegistries)('fails by the registry: %s: %s', (text, reason) => {
    expect(registryReasonOfBuildKit(text)).toBe(reason);
  });

  test.each(ofUploads)('does not fail by the registry: %s', (text) => {
    // Only the sender can repair an upload.
    expect(registryReasonOfBuildKit(text)).toBeUndefined();
  });

  test.each([...ofSnapshots, ['exit code: 1', undefined] as const])(
    'into the engine: %s: %s',
    (text, reason) => {
      expect(snapshotReasonOfBuildKit(text)).toBe(reason);
    },
  );
});

test.each([...ofRegistries, ...ofUploads])('a failed signature: %s: %s', (text, reason) => {
  expect(reasonOfCosign(text)).toBe(reason);
});

test.each<Case>([
  ['Error response from daemon: 503 Service Unavailable', 'busy'],
  ['failed to resolve reference "r/x@sha256:0": r/x@sha256:0: not found', 'not visible yet'],
  ['Error response from daemon: No such image: r/x:tag', 'not visible yet'],
  ['failed to read config content', 'not visible yet'],
  ['denied: requested access to the resource is denied', undefined],
  ['blob unknown to registry', undefined],
])('a failed pull: %s: %s', (text, reason) => {
  expect(reasonOfDockerPull(text)).toBe(reason);
});

test.each([
  ['Proxy response (407) !== 200 when HTTP Tunneling', 407],
  ['other side closed', undefined],
])('the status of a proxy: %s: %s', (text, status) => {
  expect(tunnelStatusOf(text)).toBe(status);
});
