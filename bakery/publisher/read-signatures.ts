/** Reads the settings of signing, and the signatures that a registry has. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import type { Checkout } from '../catalogue/checkout.ts';
import {
  isSigned,
  readPublicKey,
  signatureTag,
  type Signing,
  type WrittenSigning,
} from './signature.rules.ts';
import type { Registry } from '../registry/registry.ts';

/** The flags of signing. */
export type SignFlags = {
  /** `keyless`, or the name of a key; false for --no-sign. */
  readonly sign?: string | false;
  readonly publicKey?: string;
};

/**
 * Flags override `sign` in bakery.yaml. Returns undefined if images are not signed.
 * @throws UserError E_USAGE for half a key, E_SETTING for an invalid public key.
 */
export function readSigning(
  { own, settings }: Checkout,
  flags: SignFlags = {},
): Signing | undefined {
  const written = fromFlags(flags, settings.sign);
  if (written?.with !== 'key') return written;
  const { key, publicKey } = written;
  const path = resolve(own, publicKey);
  try {
    return {
      with: 'key',
      key: key.includes('://') ? key : resolve(own, key),
      publicKey: readPublicKey(readFileSync(path, 'utf8')),
    };
  } catch (error) {
    throw new UserError('E_SETTING', `settings: sign.publicKey: ${path}: ${messageOf(error)}`, {
      hint: 'write it with `cosign public-key --key <key>`, and keep it in the checkout: users verify with it',
      cause: error,
    });
  }
}

/** The indexes that have a valid signature in the registry. */
export async function signedOf(
  registry: Registry,
  repository: string,
  indexes: readonly Digest[],
  signing: Signing,
): Promise<ReadonlySet<Digest>> {
  const signed = await Promise.all(
    indexes.map(async (digest) => {
      const found = await registry.readManifest(`${repository}:${signatureTag(digest)}`);
      return isSigned(found, repository, digest, signing) ? [digest] : [];
    }),
  );
  return new Set(signed.flat());
}

/** Paths are relative to the working directory, unlike those in bakery.yaml. */
function fromFlags(
  { sign, publicKey }: SignFlags,
  written: WrittenSigning | undefined,
): WrittenSigning | undefined {
  if (sign === false) return undefined;
  if (sign === 'keyless' && publicKey === undefined) return { with: 'keyless' };
  if (sign === undefined && publicKey === undefined) return written;
  const known = written?.with === 'key' ? written : undefined;
  const named = sign === undefined ? known?.key : sign.includes('://') ? sign : resolve(sign);
  const key = sign === 'keyless' ? undefined : named;
  const open = publicKey === undefined ? known?.publicKey : resolve(publicKey);
  if (key !== undefined && open !== undefined) return { with: 'key', key, publicKey: open };
  throw new UserError('E_USAGE', '--sign and --public-key: a key needs both, `keyless` none', {
    hint: 'write the public key to a file with `cosign public-key --key <key>`',
  });
}
