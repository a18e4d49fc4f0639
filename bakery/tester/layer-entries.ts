/** Lists the files of an image's layers; a layer is read out of the engine once, and remembered for all checkouts. */

import pLimit from 'p-limit';
import type { Platform } from '@ai-bakery/kernel/platform.ts';
import type { Engine } from '../engine/engine.ts';
import { saveImage } from '../engine/images.ts';
import { readListings } from './listing.ts';
import type { Memory } from './memory.ts';
import type { Entry } from './static.rules.ts';

/** Returns the entries of these layers of an image, in their order. */
export type LayerEntries = (
  reference: string,
  platform: Platform,
  diffIds: readonly string[],
) => Promise<(readonly Entry[])[]>;

export function openLayerEntries(engine: Engine, memory: Memory): LayerEntries {
  const listings = new Map<string, readonly Entry[]>();
  // One image at a time, because the layers of one may be those of the next.
  const saving = pLimit(1);
  const recall = async (diffIds: readonly string[]): Promise<boolean> => {
    for (const id of diffIds) {
      const entries = listings.has(id) ? undefined : await memory.listing(id);
      if (entries !== undefined) listings.set(id, entries);
    }
    return diffIds.every((id) => listings.has(id));
  };
  return async (reference, platform, diffIds) => {
    await saving(async () => {
      if (await recall(diffIds)) return;
      const saved = await saveImage(engine, reference, platform);
      for (const listing of await readListings(saved, memory.wasListed)) {
        listings.set(listing.diffId, listing.entries);
        await memory.listed(listing);
      }
      // Another run on this machine may have listed layers meanwhile, which were not read here then.
      await recall(diffIds);
    });
    return diffIds.map((id) => {
      const entries = listings.get(id);
      if (entries === undefined) throw new Error(`${reference}: the engine saved no layer ${id}`);
      return entries;
    });
  };
}
