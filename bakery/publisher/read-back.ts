/** Reads a manifest back until the registry shows what was written. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import type { Registry } from '../registry/registry.ts';
import { persist } from '../host/retry.ts';
import { retryPolicies, type RetryReason } from '../host/retry-policy.rules.ts';

/** Some registries go on returning the previous manifest for seconds. */
export function readBack(
  registry: Registry,
  reference: string,
  isIt: (found: Manifest) => boolean,
  signal: AbortSignal,
): Promise<Manifest> {
  const attempt = async (): Promise<Manifest> => {
    const found = await registry.readManifest(reference);
    if (found !== undefined && isIt(found)) return found;
    throw new UserError(
      'E_READ_BACK',
      `${reference}: the registry has ${found?.digest ?? 'nothing'} there, after what was written`,
      { hint: 'publish again: what was written is not written twice' },
    );
  };
  return persist(attempt, { policy: retryPolicies.readBack, ofError: reasonOfRead, signal });
}

function reasonOfRead(error: unknown): RetryReason | undefined {
  return error instanceof UserError && error.code === 'E_READ_BACK' ? 'not visible yet' : undefined;
}
