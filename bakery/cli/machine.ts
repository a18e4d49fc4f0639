/** Opens what the verbs work with, from their flags and the settings: the checkout and the client of registries. */

import { type Checkout, openCheckout } from '../catalogue/checkout.ts';
import { openRegistry, type Registry } from '../registry/registry.ts';
import type { CommonFlags } from './flags.ts';

export type Machine = { readonly checkout: Checkout; readonly registry: Registry };

/** @param locks accept locks that do not belong to their definitions any more. */
export async function openMachine(
  flags: CommonFlags,
  locks: 'check' | 'accept' = 'check',
): Promise<Machine> {
  const checkout = await openCheckout(flags.root, locks);
  return { checkout, registry: openRegistry(flags.signal, checkout.settings) };
}
