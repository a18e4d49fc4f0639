import type { Command } from './command.ts';
import { UserError } from './error.ts';
import { redacted } from './text.ts';
import type { Verify } from './trust.ts';

/** What cosign is asked, and what its answers mean. docs.sigstore.dev/cosign/verifying/verify */

/** Who is trusted: the setting with the key itself, which is what counts, whatever its file becomes. */
export type Trust = {
  readonly verify: Verify;
  /** PEM; nothing for an identity. */
  readonly key: string | undefined;
};

/** Names the variable that hands cosign the key: the very text that was read, not a file that may change in between. */
const keyVariable = 'AI_RUN_VERIFY_KEY';

const hint =
  'run it only if you know why: take out AI_IMAGE_VERIFY, or ask who publishes it to sign it';

/** Tells one whom is trusted from every other: what an image was verified by. */
export function trustWord({ verify, key }: Trust): string {
  if (verify.kind === 'key') return key?.trim() ?? '';
  const { identity, issuer } = verify;
  return JSON.stringify([identity.isPattern, identity.text, issuer.isPattern, issuer.text]);
}

/** For people: `/path/of/cosign.pub`, or the identity. */
export function trustName(verify: Verify): string {
  return verify.kind === 'key' ? verify.path : verify.identity.text;
}

/** @param image by digest, e.g. `registry.example.com/ai/ai-claude@sha256:…`: cosign compares what was signed with it. */
export function verifyCommand({ verify, key }: Trust, image: string): Command {
  if (verify.kind === 'key') {
    return {
      file: 'cosign',
      // A key is enough: signatures need not be in a public log, and it is not asked for them.
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

/** The last thing that cosign said, which it says twice. */
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
 * Why an image does not run. Codes E_UNSIGNED where nobody has signed it, E_SIGNATURE where somebody else has or it was
 * signed for something else, E_VERIFY where that could not be found out.
 * @param code of cosign: 10 and 11 without a signature, 12 and 13 without one that holds.
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
      `${image} has no signature that holds by ${trustName(verify)}: ${reason}`,
      { hint },
    );
  }
  return new UserError('E_VERIFY', `${image} could not be verified: ${reason}`, {
    hint: 'look at AI_IMAGE_VERIFY, the network and `docker login`',
  });
}
