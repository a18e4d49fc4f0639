/** Signatures of cosign in a registry, and the commands that make them. */

import { createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import type { Command } from '@ai-bakery/kernel/command.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import type { Manifest } from '../registry/manifest.rules.ts';

/** The name of a key, never the key: it is an argument, and shown in messages. */
const KeyName = z.string().regex(/^(?!-)[^\s]{1,500}$/, {
  error: 'expected the name of a private key: a file, env://NAME, or an address of a KMS',
});

/** `sign` in bakery.yaml. */
export const WrittenSigning = z.discriminatedUnion('with', [
  z.strictObject({
    with: z.literal('key'),
    /** A reference for cosign: a file relative to the checkout, `env://NAME`, or a KMS, like `awskms:///alias/bakery`. */
    key: KeyName,
    /** The PEM file of its public key, relative to the checkout, for users who verify. */
    publicKey: z.string().min(1),
  }),
  /** By the CI's identity: a certificate of Fulcio and an entry in Rekor, both public. */
  z.strictObject({ with: z.literal('keyless') }),
]);

export type WrittenSigning = z.infer<typeof WrittenSigning>;

/** The key or identity that signs images, and whose signatures are valid. */
export type Signing =
  | { readonly with: 'key'; readonly key: string; readonly publicKey: KeyObject }
  | { readonly with: 'keyless' };

const signatureAnnotation = 'dev.cosignproject.cosign/signature';

const certificateAnnotation = 'dev.sigstore.cosign/certificate';

const Signatures = z.object({
  layers: z.array(
    z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
  ),
});

/** The installed cosign, by the flags that it needs. */
export type Cosign = {
  /** Whether it writes bundles, which older versions do not read, and asks a service for its configuration: 2.6 and 3. */
  readonly hasBundles: boolean;
};

/** The tag, in the same repository, under which cosign keeps the signatures of a manifest. */
export function signatureTag(digest: Digest): string {
  return `${digest.replace(':', '-')}.sig`;
}

/**
 * The manifest that a tag of cosign belongs to, or a tag of the referrers list in a registry without the referrers API. OCI distribution spec, "referrers tag schema".
 */
export function subjectOf(tag: string): Digest | undefined {
  const hex = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/.exec(tag)?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** The signed payload, byte for byte, without optional fields. github.com/containers/image, docs/containers-signature.5.md */
export function payloadOf(repository: string, digest: Digest): string {
  return JSON.stringify({
    critical: {
      identity: { 'docker-reference': repository },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
    optional: null,
  });
}

/**
 * Whether a manifest contains a valid signature of this index. With a key, that key made it; keyless, the key of its own
 * certificate did, whose identity is for users to verify.
 * @param found the manifest under the index's {@link signatureTag}.
 */
export function isSigned(
  found: Manifest | undefined,
  repository: string,
  digest: Digest,
  signing: Signing,
): boolean {
  if (found === undefined) return false;
  const payload = payloadOf(repository, digest);
  const blob = `sha256:${createHash('sha256').update(payload).digest('hex')}`;
  try {
    const { layers = [] } = parseJson(Buffer.from(found.body).toString(), Signatures) ?? {};
    return layers.some(({ digest: signed, annotations }) => {
      const signature = annotations[signatureAnnotation];
      const certificate = annotations[certificateAnnotation];
      if (signed !== blob || signature === undefined) return false;
      if (signing.with === 'key') return holds(payload, signing.publicKey, signature);
      return (
        certificate !== undefined &&
        holds(payload, new X509Certificate(certificate).publicKey, signature)
      );
    });
  } catch {
    // A foreign manifest is not a signature.
    return false;
  }
}

/** Reads a PEM with any line breaks. @throws Error unless it is a public key. */
export function readPublicKey(pem: string): KeyObject {
  // Node would take a private key as well, and derive the public one.
  if (!/^-----BEGIN PUBLIC KEY-----$/m.test(pem)) throw new Error('not a public key');
  return createPublicKey(pem);
}

/** The password or the key is in the environment: COSIGN_PASSWORD, and the variable of `env://`. */
export function publicKeyCommand(key: string): Command {
  return {
    file: 'cosign',
    args: ['public-key', `--key=${key}`],
  };
}

/** Succeeds, without an effect, if cosign knows every flag; deprecated ones are missing in its help text. */
export function probeCommand(signing: Signing, cosign: Cosign): Command {
  return {
    file: 'cosign',
    args: ['sign', ...signFlags(signing, cosign, 'x'), '--help'],
  };
}

/**
 * Signs one index. A signature by key is not sent to the public log, which would publish names of private repositories.
 * @param repository `registry.example.com/ai/ai-claude`
 */
export function signCommand(
  signing: Signing,
  cosign: Cosign,
  repository: string,
  digest: Digest,
): Command {
  return {
    file: 'cosign',
    args: ['sign', ...signFlags(signing, cosign, repository), `${repository}@${digest}`],
    // Beside the image, where it is looked for, even if the environment names another repository.
    env: { COSIGN_REPOSITORY: '' },
  };
}

// Ed25519 takes no hash. Keys of more than 256 bits may come with a longer one.
function holds(payload: string, key: KeyObject, signature: string): boolean {
  return (key.asymmetricKeyType === 'ed25519' ? [null] : ['sha256', 'sha384', 'sha512']).some(
    (hash) => verify(hash, Buffer.from(payload), key, Buffer.from(signature, 'base64')),
  );
}

function signFlags(signing: Signing, { hasBundles }: Cosign, repository: string): string[] {
  return [
    '--yes',
    ...(signing.with === 'key' ? [`--key=${signing.key}`, '--tlog-upload=false'] : []),
    ...(hasBundles ? ['--use-signing-config=false', '--new-bundle-format=false'] : []),
    `--sign-container-identity=${repository}`,
  ];
}
