/** The memory of an engine: layers built, images tested, layers listed. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import type { Platform } from '@ai-bakery/kernel/platform.ts';
import { type TestResult, TestResults } from './judge.rules.ts';
import { Entries, type Entry } from './static.rules.ts';
import { writeAtomic } from '../host/write.ts';
import type { Listing } from './listing.ts';
import { readText } from '../catalogue/load.ts';

/**
 * The layers that were built in an engine and the results of its tests, in files below `.bakery/`. Losing them costs time,
 * never correctness.
 */
export type Memory = {
  readonly wasBuilt: (layerKey: string) => Promise<boolean>;
  readonly built: (layerKey: string) => Promise<void>;
  readonly results: (
    testKey: string,
    platform: Platform,
  ) => Promise<readonly TestResult[] | undefined>;
  readonly tested: (
    testKey: string,
    platform: Platform,
    results: readonly TestResult[],
  ) => Promise<void>;
  /** The content of a layer by its diff id; reading it out of an image takes long. */
  readonly listing: (diffId: string) => Promise<readonly Entry[] | undefined>;
  readonly wasListed: (blob: string) => Promise<boolean>;
  readonly listed: (listing: Listing) => Promise<void>;
};

/** A layer never changes, so its listing is kept for all checkouts. XDG Base Directory Specification. */
const listings = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  'ai-bakery',
  'listings',
);

/**
 * @param builder the name of a builder with layers of its own; empty for the engine's own builder.
 */
export function openMemory(root: string, engineId: string, builder: string): Memory {
  const folder = join(root, '.bakery', 'engines', fileName(engineId));
  const layer = (key: string): string =>
    join(folder, 'layers', ...(builder === '' ? [] : [fileName(builder)]), fileName(key));
  const test = (key: string, platform: string): string =>
    join(folder, 'tests', `${fileName(key)}.${fileName(platform)}.json`);
  return {
    wasBuilt: async (key) => (await readText(layer(key))) !== undefined,
    built: (key) => writeAtomic(layer(key), ''),
    results: (key, platform) => readJson(test(key, platform), TestResults),
    tested: (key, platform, results) =>
      writeAtomic(test(key, platform), `${JSON.stringify(results)}\n`),
    listing: (diffId) => readJson(listing(diffId), Entries),
    wasListed: async (blob) => {
      const diffId = await readText(join(listings, fileName(blob)));
      return diffId !== undefined && (await readText(listing(diffId))) !== undefined;
    },
    listed: async ({ blob, diffId, entries }) => {
      await writeAtomic(listing(diffId), JSON.stringify(entries));
      await writeAtomic(join(listings, fileName(blob)), diffId);
    },
  };
}

function fileName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._-]/g, '-');
}

/** Returns undefined if the file is missing or damaged. */
async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : parseJson(text, schema);
}

function listing(diffId: string): string {
  return join(listings, `${fileName(diffId)}.json`);
}
