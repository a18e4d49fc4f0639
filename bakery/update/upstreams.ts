/** Updates the lock of the upstream images. */

import pLimit from 'p-limit';
import { messageOf } from '@ai-bakery/kernel/error.ts';
import { stringify } from 'yaml';
import { platforms } from '@ai-bakery/kernel/platform.ts';
import type { Checkout } from '../catalogue/checkout.ts';
import { upstreamsOf } from '../templates/dockerfile.rules.ts';
import { mirrored } from '../catalogue/settings.rules.ts';
import type { Update } from './candidates.rules.ts';
import type { Registry } from '../registry/registry.ts';

const header = '# Digests of the upstream images, by `bakery update --upstreams`.\n';

/** Finds the present index digest of each upstream tag; all of them go into one file. */
export async function updateUpstreams(
  checkout: Checkout,
  registry: Registry,
  signal: AbortSignal,
): Promise<Update[]> {
  const { catalogue, settings, upstreamLock } = checkout;
  const references = upstreamsOf(catalogue.agents, catalogue.runtimes, settings.upstreams);
  const limit = pLimit(4);
  const updates = await Promise.all(
    references.map((name) =>
      limit(async (): Promise<Update> => {
        const from = upstreamLock[name];
        const nothing = { name, from, to: from, skipped: [], missing: {}, files: {} };
        try {
          const found = await registry.readManifest(mirrored(name, settings.mirrors));
          if (found === undefined) return { ...nothing, error: 'the registry does not have it' };
          const absent = platforms.filter((platform) => !found.platforms.includes(platform));
          return absent.length === 0
            ? { ...nothing, to: found.digest }
            : { ...nothing, error: `is not offered for ${absent.join(' and ')}` };
        } catch (error) {
          if (signal.aborted) throw error;
          return { ...nothing, error: messageOf(error) };
        }
      }),
    ),
  );
  const lock = Object.fromEntries(
    updates.flatMap(({ name, to }) => (to === undefined ? [] : [[name, to]])),
  );
  const files = { [settings.upstreamLock]: `${header}${stringify(lock)}` };
  return updates.map((update, at) => (at === 0 ? { ...update, files } : update));
}
