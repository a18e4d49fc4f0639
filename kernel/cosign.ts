/** The commands that ai-run and bakery give to cosign, and the meaning of its answers. */

import type { Command } from './command.ts';
import { UserError } from './error.ts';
import { redacted } from './text.ts';
import type { Verify } from './trust.ts';

/** Flags and exit codes as in docs.sigstore.dev/cosign/verifying/verify. */

/** The trusted signer: the setting and the key's content, which is read once and counts even if the file changes later. */
export type Trust = {
  readonly verify: Verify;
  /** PEM; undefined for an identity. */
  readonly key: string | undefined;
};

/** The variable that passes the key to cosign: the text that was read, not a file that may change in between. */
const keyVariable = 'AI_RUN_VERIFY_KEY';

const hint =
  'ask its publisher to sign it; only if you know why it is not signed, remove AI_IMAGE_VERIFY';

/** Returns a text that identifies the trusted signer; it is recorded with each image that was verified. */
export function trustWord({ verify, key }: Trust): string {
  if (verify.kind === 'key') return key?.trim() ?? '';
  const { identity, issuer } = verify;
  return JSON.stringify([identity.isPattern, identity.text, issuer.isPattern, issuer.text]);
}

/** Returns the signer's name for people: `/path/of/cosign.pub`, or the identity. */
export function trustName(verify: Verify): string {
  return verify.kind === 'key' ? verify.path : verify.identity.text;
}

/** @param image by digest, e.g. `registry.example.com/ai/ai-claude@sha256:…`: cosign compares the signed digest with it. */
export function verifyCommand({ verify, key }: Trust, image: string): Command {
  if (verify.kind === 'key') {
    return {
      file: 'cosign',
      // A key is sufficient: signatures need not be in a public log, so cosign does not query it.
      args: [
        'verify',
        `--key=env://${keyVariable}`,
        '--insecure-ignore-tlog=true',
        '--output=json',
        image,
      ],
      env: { [keyVariable]: key ?? '' },
    };
  }
  const flag = (name: string, { text, isPattern }: typeof verify.identity): string =>
    `--certificate-${name}${isPattern ? '-regexp' : ''}=${text}`;
  return {
    file: 'cosign',
    args: [
      'verify',
      flag('identity', verify.identity),
      flag('oidc-issuer', verify.issuer),
      '--output=json',
      image,
    ],
  };
}

/** Returns the last line of cosign's standard error without its prefixes; cosign prints its reason twice. */
export function cosignReason(stderr: string): string {
  return (
    redacted(stderr)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .at(-1)
      ?.replace(/^(Error: |error during command execution: )+/, '') ?? 'cosign gave no reason'
  );
}

/**
 * Makes the error for an image that failed verification: E_UNSIGNED if it has no signature, E_SIGNATURE if its signatures
 * are by another signer or for another image, E_VERIFY if verification could not be carried out.
 * @param code cosign's exit code: 10 and 11 mean no signature, 12 and 13 no valid one.
 */
export function verifyError(
  { verify }: Trust,
  image: string,
  { code, stderr }: { readonly code: number; readonly stderr: string },
): UserError {
  const reason = cosignReason(stderr);
  if (code === 10 || code === 11 || /no signatures found/i.test(reason))
    return new UserError('E_UNSIGNED', `${image} is not signed, and AI_IMAGE_VERIFY is set`, {
      hint,
    });
  if (
    code === 12 ||
    code === 13 ||
    /no matching signatures|none of the expected identities/i.test(reason)
  ) {
    return new UserError(
      'E_SIGNATURE',
      `${image} has no valid signature by ${trustName(verify)}: ${reason}`,
      { hint },
    );
  }
  return new UserError('E_VERIFY', `${image} could not be verified: ${reason}`, {
    hint: 'check AI_IMAGE_VERIFY, the network and `docker login`',
  });
}
