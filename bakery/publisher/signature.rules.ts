import { createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Command } from '@ai-bakery/kernel/command.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import type { Manifest } from '../registry/manifest.rules.ts';

/** Signatures as cosign leaves them in a registry, and what cosign is told to make one. */

/** A name of a key, and never a key: it is an argument, and shown in messages. */
const KeyName = z.string().regex(/^(?!-)[^\s]{1,500}$/, {
  error: 'expected the name of a private key: a file, env://NAME, or an address of a KMS',
});

/** `sign` in bakery.yaml. */
export const WrittenSigning = z.discriminatedUnion('with', [
  z.strictObject({
    with: z.literal('key'),
    /** As cosign takes it: a file relative to the checkout, `env://NAME`, or a KMS, like `awskms:///alias/bakery`. */
    key: KeyName,
    /** The PEM file of its public key, relative to the checkout: what users verify with. */
    publicKey: z.string().min(1),
  }),
  /** By the identity that the CI vouches for, as a certificate of Fulcio's and an entry in Rekor, both public. */
  z.strictObject({ with: z.literal('keyless') }),
]);

export type WrittenSigning = z.infer<typeof WrittenSigning>;

/** Whose signatures count, and how they are made. */
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

/** The cosign that is installed, by what it has to be told. */
export type Cosign = {
  /** It would write bundles that older ones do not read, and ask a service what to do: 2.6 and 3 do. */
  readonly hasBundles: boolean;
};

/** Where cosign keeps the signatures of a manifest: in the same repository. */
export function signatureTag(digest: Digest): string {
  return `${digest.replace(':', '-')}.sig`;
}

/**
 * The manifest that a tag of cosign's belongs to, or the list of what refers to it where a registry has no list of its own.
 * OCI distribution spec, "referrers tag schema".
 */
export function subjectOf(tag: string): Digest | undefined {
  const hex = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/.exec(tag)?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** What is signed, byte for byte, as long as nothing is added. github.com/containers/image, docs/containers-signature.5.md */
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
 * Whether a registry has a signature of this index that counts. With a key it was made by that key; without, by that of
 * the certificate that it bears: who may have signed is for those to say who verify.
 * @param found what stands under the index's {@link signatureTag}.
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
    const { layers } = Signatures.parse(JSON.parse(Buffer.from(found.body).toString()));
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
    // Whatever somebody has put there, it is no signature.
    return false;
  }
}

/** The same key, however its PEM is broken into lines. @throws Error for what is no public key. */
export function readPublicKey(pem: string): KeyObject {
  // Node would take a private key as well, and derive the public one.
  if (!/^-----BEGIN PUBLIC KEY-----$/m.test(pem)) throw new Error('it is no public key');
  return createPublicKey(pem);
}

/** The key itself, or its password, are in the environment: COSIGN_PASSWORD, and what `env://` names. */
export function publicKeyCommand(key: string): Command {
  return {
    file: 'cosign',
    args: ['public-key', `--key=${key}`],
  };
}

/** Succeeds where cosign knows every flag, and does nothing: what is deprecated is not in the help itself. */
export function probeCommand(signing: Signing, cosign: Cosign): Command {
  return {
    file: 'cosign',
    args: ['sign', ...signFlags(signing, cosign, 'x'), '--help'],
  };
}

/**
 * Signs one index. By key, nothing of it is told to the public log: it would name private repositories.
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
    // Beside the image, where it is looked for, whatever the machine says.
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
