/** The finding of doctor about signatures: whether they are required and can be verified. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { failed, type Finding, ok, warning } from './finding.rules.ts';
import type { Settings } from '../settings/settings.rules.ts';
import { trustName } from '@ai-bakery/kernel/cosign.ts';
import { capture } from '../host/exec.ts';
import { openTrust } from '../image/signature.ts';

/** Checks the setting AI_IMAGE_VERIFY, its key, and cosign. */
export async function signatures({ source, verify }: Settings, userHome: string): Promise<Finding> {
  if (verify === undefined)
    return ok('signatures', 'not required: AI_IMAGE_VERIFY would name the signer');
  try {
    openTrust(verify, userHome);
    await capture({ file: 'cosign', args: ['version'] }, undefined, 10_000);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const hint = error.code === 'E_NO_PROGRAM' ? 'install cosign, version 2 or 3' : error.hint;
    return failed('signatures', error.message, hint ?? 'correct AI_IMAGE_VERIFY', error.code);
  }
  return source === 'local'
    ? warning('signatures', 'images are local and not verified', 'set AI_IMAGE_SOURCE=registry')
    : ok('signatures', `cosign verifies that images are signed by ${trustName(verify)}`);
}
