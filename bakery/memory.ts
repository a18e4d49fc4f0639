import { join } from 'node:path';
import type { Platform } from '../ai-run/core/platform.ts';
import { type TestResult, TestResults } from './core/check.ts';
import { Entries, type Entry } from './core/static.ts';
import { writeAtomic } from './files.ts';
import type { Listing } from './listing.ts';
import { readText } from './load.ts';

/**
 * What the bakery remembers about one engine, below `.bakery/`: which layers were built there, and how images
 * were tested. Losing it costs time, never correctness.
 */
export type Memory = {
  readonly wasBuilt: (layerKey: string) => Promise<boolean>;
  readonly built: (layerKey: string) => Promise<void>;
  readonly results: (
    imageKey: string,
    platform: Platform,
  ) => Promise<readonly TestResult[] | undefined>;
  readonly tested: (
    imageKey: string,
    platform: Platform,
    results: readonly TestResult[],
  ) => Promise<void>;
  /** What is in a layer, by diff id; reading it out of an image is what takes time. */
  readonly listing: (diffId: string) => Promise<readonly Entry[] | undefined>;
  readonly wasListed: (blob: string) => Promise<boolean>;
  readonly listed: (listing: Listing) => Promise<void>;
};

const fileName = (text: string): string => text.replaceAll(/[^A-Za-z0-9._-]/g, '-');

export const openMemory = (root: string, engineId: string): Memory => {
  const folder = join(root, '.bakery', 'engines', fileName(engineId));
  const layer = (key: string): string => join(folder, 'layers', fileName(key));
  const test = (key: string, platform: string): string =>
    join(folder, 'tests', `${fileName(key)}.${fileName(platform)}.json`);
  const listings = join(root, '.bakery', 'listings');
  return {
    wasBuilt: async (key) => (await readText(layer(key))) !== undefined,
    built: (key) => writeAtomic(layer(key), ''),
    results: async (key, platform) => {
      const text = await readText(test(key, platform));
      return text === undefined ? undefined : TestResults.safeParse(JSON.parse(text)).data;
    },
    tested: (key, platform, results) =>
      writeAtomic(test(key, platform), `${JSON.stringify(results)}\n`),
    listing: async (diffId) => {
      const text = await readText(join(listings, `${fileName(diffId)}.json`));
      return text === undefined ? undefined : Entries.parse(JSON.parse(text));
    },
    wasListed: async (blob) => (await readText(join(listings, fileName(blob)))) !== undefined,
    listed: async ({ blob, diffId, entries }) => {
      await writeAtomic(join(listings, `${fileName(diffId)}.json`), JSON.stringify(entries));
      await writeAtomic(join(listings, fileName(blob)), diffId);
    },
  };
};
