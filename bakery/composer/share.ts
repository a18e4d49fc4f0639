/** Brings blobs of one repository into others of the same registry. */

import pLimit from 'p-limit';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import type { Registry } from '../registry/registry.ts';

/** At a time, because each copy is held in memory. */
const copies = 2;

/** Adds a blob to this repository. */
export type Share = (repository: string, digest: Digest) => Promise<void>;

/**
 * Mounts each blob once, or downloads and uploads it if the registry does not mount, which the distribution spec allows.
 * @param from the repository that has them.
 */
export function openSharing(registry: Registry, from: string): Share {
  const limit = pLimit(copies);
  const begun = new Map<string, Promise<void>>();
  const bring = async (repository: string, digest: Digest): Promise<void> => {
    if (await registry.mountBlob(repository, digest, from)) return;
    await limit(async () => {
      await registry.writeBlob(repository, await registry.readBlob(from, digest));
    });
  };
  // All images of an agent contain the same layer: later requests wait for the first.
  return (repository, digest) => {
    const name = `${repository}@${digest}`;
    const known = begun.get(name);
    if (known !== undefined) return known;
    const now = bring(repository, digest);
    begun.set(name, now);
    now.catch(() => begun.delete(name));
    return now;
  };
}
