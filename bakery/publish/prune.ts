import pLimit from 'p-limit';
import { type Keep, prunable, type Removal, type Tagged } from '../core/prune.ts';
import { createdAnnotation } from '../core/publish.ts';
import type { Registry } from '../registry/client.ts';

const requests = 16;

/** What can go from one repository. A tag that vanishes while it is looked at is gone. */
export const planPrune = async (
  registry: Registry,
  repository: string,
  keep: Keep,
): Promise<Removal> => {
  const limit = pLimit(requests);
  const tags = await registry.readTags(repository);
  const found = await Promise.all(
    tags.map((tag) =>
      limit(async (): Promise<Tagged[]> => {
        const manifest = await registry.readManifest(`${repository}:${tag}`);
        if (manifest === undefined) return [];
        const created = Date.parse(manifest.annotations[createdAnnotation] ?? '');
        const isKnown = !Number.isNaN(created);
        return [{ ...manifest, tag, created: isKnown ? created : Number.POSITIVE_INFINITY }];
      }),
    ),
  );
  return prunable(found.flat(), keep);
};

/** Deletes one after the other: indexes come before their children. */
export const prune = async (
  registry: Registry,
  repository: string,
  { digests }: Removal,
): Promise<void> => {
  for (const digest of digests) await registry.deleteManifest(`${repository}@${digest}`);
};
