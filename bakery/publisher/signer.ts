/** Signs indexes with cosign, which keeps the signatures in the registry. */

import pLimit from 'p-limit';
import { type Command, formatCommand } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { cosignReason } from '@ai-bakery/kernel/cosign.ts';
import { reasonOfCosign } from '../registry/foreign-text.rules.ts';
import {
  type Cosign,
  isSigned,
  probeCommand,
  publicKeyCommand,
  readPublicKey,
  signatureTag,
  signCommand,
  type Signing,
} from './signature.rules.ts';
import { type Outcome, run } from '../host/exec.ts';
import type { Registry } from '../registry/registry.ts';
import { persist } from '../host/retry.ts';
import { retryPolicies, type RetryReason } from '../host/retry-policy.rules.ts';
import { readBack } from './read-back.ts';
import { signedOf } from './read-signatures.ts';

/** Milliseconds. */
const patience = 120_000;

/** At a time: each decrypts a key, which is slow by design. */
const signers = 2;

/** The variables in which cosign finds a token. Without a token it would wait for a browser. */
const tokens = ['SIGSTORE_ID_TOKEN', 'ACTIONS_ID_TOKEN_REQUEST_URL'];

export type Signer = {
  /**
   * Signs an index, unless the registry has a valid signature of it.
   * @param begin is called before anything is written.
   * @throws UserError E_SIGN with cosign's message, E_READ_BACK if the registry does not have the signature then.
   */
  readonly sign: (
    repository: string,
    digest: Digest,
    begin: () => Promise<void>,
  ) => Promise<'now' | 'before'>;
};

/**
 * Checks that signing will work, before hours of building.
 * @throws UserError E_NO_PROGRAM, E_COSIGN for an unusable version, E_SIGN for a missing key or token.
 */
export async function openSigner(
  signing: Signing,
  registry: Registry,
  signal: AbortSignal,
): Promise<Signer> {
  const installed = await findCosign(signing, signal);
  if (signing.with === 'key') await checkKey(signing, signal);
  else checkToken();
  const limit = pLimit(signers);
  const make = async (repository: string, digest: Digest): Promise<void> => {
    const command = signCommand(signing, installed, repository, digest);
    const attempt = async (): Promise<void> => {
      const answer = await cosign(command, signal);
      if (answer.exitCode === 0) return;
      const reason = reasonOf(answer);
      throw new UserError('E_SIGN', `${repository}@${digest} could not be signed: ${reason}`, {
        hint: 'look at COSIGN_PASSWORD and `docker login`; what is signed is not signed again',
        cause: reason,
      });
    };
    await persist(attempt, { policy: retryPolicies.sign, ofError: reasonOfSigning, signal });
  };
  return {
    sign: (repository, digest, begin) =>
      limit(async () => {
        const known = await signedOf(registry, repository, [digest], signing);
        if (known.has(digest)) return 'before';
        await begin();
        await make(repository, digest);
        await readBack(
          registry,
          `${repository}:${signatureTag(digest)}`,
          (found) => isSigned(found, repository, digest, signing),
          signal,
        );
        return 'now';
      }),
  };
}

async function findCosign(signing: Signing, signal: AbortSignal): Promise<Cosign> {
  for (const one of [{ hasBundles: true }, { hasBundles: false }])
    if ((await cosign(probeCommand(signing, one), signal)).exitCode === 0) return one;
  throw new UserError(
    'E_COSIGN',
    'this cosign cannot leave a signature as a tag of the repository',
    {
      hint: 'install cosign, version 2 or 3: those that users have do not all read bundles, which others write',
    },
  );
}

async function checkKey(
  { key, publicKey }: Signing & { readonly with: 'key' },
  signal: AbortSignal,
): Promise<void> {
  const answer = await cosign(publicKeyCommand(key), signal);
  if (answer.exitCode !== 0) {
    throw new UserError('E_SIGN', `the key ${key} cannot be used: ${reasonOf(answer)}`, {
      hint: 'set COSIGN_PASSWORD to its password, and look at sign.key in bakery.yaml, or --sign',
    });
  }
  if (publicKey.equals(readPublicKey(answer.stdout))) return;
  throw new UserError('E_SIGN', `the key ${key} does not belong to the public key that is named`, {
    hint: `see what \`${formatCommand(publicKeyCommand(key))}\` prints, and correct sign.publicKey, or --public-key`,
  });
}

function checkToken(): void {
  if (tokens.some((name) => (process.env[name] ?? '') !== '')) return;
  throw new UserError(
    'E_SIGN',
    'images are to be signed without a key, but a CI token is missing',
    {
      hint: 'in GitLab: id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }; in GitHub: permissions: { id-token: write }',
    },
  );
}

async function cosign(command: Command, signal: AbortSignal): Promise<Outcome> {
  try {
    return await run(command, { signal, timeout: patience });
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'E_NO_PROGRAM') throw error;
    throw new UserError('E_NO_PROGRAM', `images are to be signed, but ${error.message}`, {
      hint: 'install cosign, version 2 or 3; or publish without signatures: --no-sign',
      cause: error,
    });
  }
}

function reasonOf({ stderr, timedOut }: Outcome): string {
  return timedOut ? `no answer in ${patience / 1000} seconds` : cosignReason(stderr);
}

/** Judges the cause, cosign's own words, because the message names a repository as well. */
function reasonOfSigning(error: unknown): RetryReason | undefined {
  const said = error instanceof UserError && error.code === 'E_SIGN' ? error.cause : undefined;
  return typeof said === 'string' ? reasonOfCosign(said) : undefined;
}
