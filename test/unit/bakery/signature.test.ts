import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Digest } from '../../../kernel/reference.ts';
import { type Manifest, parseManifest } from '../../../bakery/registry/manifest.rules.ts';
import {
  isSigned,
  payloadOf,
  probeCommand,
  readPublicKey,
  signatureTag,
  signCommand,
  type Signing,
  subjectOf,
  WrittenSigning,
} from '../../../bakery/publisher/signature.rules.ts';
import { digest } from '../support.ts';

const repository = 'registry.example.com/ai/ai-otter';
const subject = digest('a');
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const mine = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const by = ({ publicKey }: { publicKey: KeyObject }): Signing => ({
  with: 'key',
  key: 'env://KEY',
  publicKey,
});

const manifest = (body: unknown): Manifest =>
  parseManifest(new Uint8Array(Buffer.from(JSON.stringify(body))));

type Layer = { readonly digest: string; readonly annotations?: Record<string, string> };
const signatures = (...layers: Layer[]): Manifest =>
  manifest({ mediaType: 'application/vnd.oci.image.manifest.v1+json', layers });

type LayerOptions = { readonly of?: Digest; readonly hash?: string | null };

/** A layer as cosign writes it. */
const layer = (key: KeyObject, { of = subject, hash = 'sha256' }: LayerOptions = {}): Layer => {
  const payload = payloadOf(repository, of);
  return {
    digest: `sha256:${createHash('sha256').update(payload).digest('hex')}`,
    annotations: {
      'dev.cosignproject.cosign/signature': sign(hash, Buffer.from(payload), key).toString(
        'base64',
      ),
    },
  };
};

/** The output of cosign 2.5.0 for a key pair of its own, byte for byte. */
const real = {
  repository: '127.0.0.1:5000/sign-scratch/x',
  digest: 'sha256:37a0c3c47c1d2bd27d334ee9d83644a0152e563dbd82e520a34329ef7027c124' as Digest,
  publicKey:
    '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHo21eiSW0IUrhbR33PUNxAmVe5wI\n5HxdjLR6Onq9NWnjApzI8C39d01N2O8zo2YY1aUAedY8kBAvlVn9ZkewpQ==\n-----END PUBLIC KEY-----\n',
  found: signatures({
    digest: 'sha256:43749f5dea17aa442e91add01e8353604d42c1c3ac21d85a3a7423a86686b192',
    annotations: {
      'dev.cosignproject.cosign/signature':
        'MEUCIA6v9BMv+25nI+w96Ps71QaH8eAWRidphI4DVmbDnMQpAiEAqvENYL9Cs9QyRtyEDKsHo8/XgoI+srwk/c8yi2IP2hY=',
    },
  }),
};

/** openssl's output: a certificate, and a signature of the subject's payload by its key. */
const certified = {
  certificate:
    '-----BEGIN CERTIFICATE-----\nMIIBbzCCARWgAwIBAgIUI2raY4k6p4YVRpmGaSFfwl5nZ0EwCgYIKoZIzj0EAwIw\nDTELMAkGA1UEAwwCY2kwHhcNMjYxMTIxMjAzNjQ5WhcNMzYxMTE4MjAzNjQ5WjAN\nMQswCQYDVQQDDAJjaTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPQZ70YUBFpm\nxrcAeIqgq7XxeAlJ59u8chQ2suQvKcPQ03bc+iMBXD0L0uToWV8YScldc60o1h3g\nHoeeq/fvDzujUzBRMB0GA1UdDgQWBBTHeuG7/H+bcqo0kXNEwUhXAi0UTzAfBgNV\nHSMEGDAWgBTHeuG7/H+bcqo0kXNEwUhXAi0UTzAPBgNVHRMBAf8EBTADAQH/MAoG\nCCqGSM49BAMCA0gAMEUCIQCyxrAO6anCB8AKJdPxfaxz3EMJ9G/hgsFvB6gJ8vAH\nhAIgMy0eK3FoCJnrtvzDgvFVsLsAHreZzDgjXg0GcYJjXx8=\n-----END CERTIFICATE-----\n',
  signature:
    'MEUCIQDEprhvK0NMj1NyrhNaOh0TuUSbr8rUL7rQ4e7KHcjQXwIgOwBm8stL/j9Uy4EHTIGYFkylY6uzTdOvbmLjxpMgNNM=',
};

describe('a signature', () => {
  test('of cosign itself is known', () => {
    const signing = by({ publicKey: readPublicKey(real.publicKey) });
    expect(isSigned(real.found, real.repository, real.digest, signing)).toBe(true);
    expect(isSigned(real.found, real.repository, real.digest, by(mine))).toBe(false);
  });

  test.each<[string, Manifest | undefined, boolean]>([
    ['by this key', signatures(layer(mine.privateKey)), true],
    [
      'by this key after another',
      signatures(layer(other.privateKey), layer(mine.privateKey)),
      true,
    ],
    ['with a longer hash', signatures(layer(mine.privateKey, { hash: 'sha384' })), true],
    ['by another key', signatures(layer(other.privateKey)), false],
    ['copied from another digest', signatures(layer(mine.privateKey, { of: digest('b') })), false],
    [
      'copied, and its layer renamed',
      signatures({
        ...layer(mine.privateKey, { of: digest('b') }),
        digest: layer(mine.privateKey).digest,
      }),
      false,
    ],
    ['without annotations', signatures({ digest: layer(mine.privateKey).digest }), false],
    ['that is not there', undefined, false],
    ['that is an index', manifest({ manifests: [] }), false],
    ['of no layers', signatures(), false],
  ])('%s: counts %s', (_, found, expected) => {
    expect(isSigned(found, repository, subject, by(mine))).toBe(expected);
  });

  test.each([
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256'],
    ['ed25519', generateKeyPairSync('ed25519'), null],
  ])('by a key of another kind counts: %s', (_, pair, hash) => {
    const found = signatures(layer(pair.privateKey, { hash }));
    expect(isSigned(found, repository, subject, by(pair))).toBe(true);
    expect(isSigned(found, repository, subject, by(mine))).toBe(false);
  });

  test('without a key counts with the certificate of the key that made it', () => {
    const keyless: Signing = { with: 'keyless' };
    const bearing = (text: string, of = certified.signature): Manifest =>
      signatures({
        ...layer(mine.privateKey),
        annotations: {
          'dev.cosignproject.cosign/signature': of,
          'dev.sigstore.cosign/certificate': text,
        },
      });
    const known = (found: Manifest): boolean => isSigned(found, repository, subject, keyless);
    expect(known(bearing(certified.certificate))).toBe(true);
    const foreign = layer(mine.privateKey).annotations?.['dev.cosignproject.cosign/signature'];
    expect(known(bearing(certified.certificate, foreign))).toBe(false);
    expect(known(bearing('none'))).toBe(false);
    expect(known(signatures(layer(mine.privateKey)))).toBe(false);
  });
});

test('only a public key is one', () => {
  expect(readPublicKey(pem(mine.publicKey)).equals(mine.publicKey)).toBe(true);
  const secret = mine.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  for (const text of ['', 'x', secret]) expect(() => readPublicKey(text)).toThrow(/./);
});

describe('tags', () => {
  test('a signature’s is named after its subject', () => {
    expect(signatureTag(subject)).toBe(`sha256-${'a'.repeat(64)}.sig`);
    expect(subjectOf(signatureTag(subject))).toBe(subject);
  });

  test.each([
    [`sha256-${'a'.repeat(64)}.att`, subject],
    [`sha256-${'a'.repeat(64)}.sbom`, subject],
    [`sha256-${'a'.repeat(64)}`, subject],
    [`sha256-${'a'.repeat(63)}.sig`, undefined],
    [`sha256-${'a'.repeat(64)}.exe`, undefined],
    [`x-sha256-${'a'.repeat(64)}.sig`, undefined],
    ['latest', undefined],
  ])('%s is about %s', (tag, expected) => {
    expect(subjectOf(tag)).toBe(expected);
  });
});

test('cosign is told by whether it knows the flags that it would get', () => {
  expect(probeCommand(by(mine), { hasBundles: true }).args).toEqual([
    ...signCommand(by(mine), { hasBundles: true }, 'x', subject).args.slice(0, -1),
    '--help',
  ]);
});

test('a key signs one digest, beside it, without a word to the public log', () => {
  const command = signCommand(by(mine), { hasBundles: false }, repository, subject);
  expect(command.args).toEqual([
    'sign',
    '--yes',
    '--key=env://KEY',
    '--tlog-upload=false',
    `--sign-container-identity=${repository}`,
    `${repository}@${subject}`,
  ]);
  expect(command.env).toEqual({ COSIGN_REPOSITORY: '' });
});

test('without a key the log is part of it; a newer cosign writes what older ones read', () => {
  const { args } = signCommand({ with: 'keyless' }, { hasBundles: true }, repository, subject);
  expect(args).toEqual([
    'sign',
    '--yes',
    '--use-signing-config=false',
    '--new-bundle-format=false',
    `--sign-container-identity=${repository}`,
    `${repository}@${subject}`,
  ]);
});

describe('settings', () => {
  const publicKey = 'cosign.pub';
  test.each<[unknown, boolean]>([
    [{ with: 'key', key: 'cosign.key', publicKey }, true],
    [{ with: 'key', key: 'env://COSIGN_PRIVATE_KEY', publicKey }, true],
    [{ with: 'key', key: 'awskms:///alias/bakery', publicKey }, true],
    [{ with: 'keyless' }, true],
    [{ with: 'key', key: 'cosign.key' }, false],
    [{ with: 'keyless', key: 'cosign.key' }, false],
    [{ with: 'key', key: '--help', publicKey }, false],
    [{ with: 'notary' }, false],
    [{}, false],
  ])('%j: %s', (value, expected) => {
    expect(WrittenSigning.safeParse(value).success).toBe(expected);
  });

  test('a key itself is refused, and not shown', () => {
    const secret = mine.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { error } = WrittenSigning.safeParse({ with: 'key', key: secret, publicKey });
    expect(error?.message).toContain('the name of a private key');
    expect(error?.message).not.toContain('BEGIN');
  });
});
