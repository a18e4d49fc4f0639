import pLimit from 'p-limit';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import type { Registry } from '../registry/registry.ts';

/** At a time, because each is held in memory. */
const copies = 2;

/** Makes a blob one of this repository as well. */
export type Share = (repository: string, digest: Digest) => Promise<void>;

/**
 * Brings blobs of one repository into others of the same registry, each once: mounted, or, where a registry does not do that
 * (the distribution spec leaves it open), downloaded and uploaded.
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
  // All images of an agent are made of the same layer: whoever comes later waits for the first.
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
