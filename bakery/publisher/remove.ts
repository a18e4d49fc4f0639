/** Finds and deletes the manifests of a repository that are no longer needed. */

import pLimit from 'p-limit';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { type Keep, prunable, type Removal, type Tagged } from './prunable.rules.ts';
import { createdAnnotation } from './need.rules.ts';
import { subjectOf } from './signature.rules.ts';
import type { Registry } from '../registry/registry.ts';

const requests = 16;

/** Plans the deletions in one repository. A tag that disappears while it is read is ignored. */
export async function planPrune(
  registry: Registry,
  repository: string,
  keep: Keep,
): Promise<Removal> {
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
  const all = found.flat();
  const known = new Set(all.flatMap(({ digest, children }) => [digest, ...children]));
  const lost = await Promise.all(
    all.map(({ tag }) =>
      limit(async (): Promise<Digest[]> => {
        const subject = subjectOf(tag);
        if (subject === undefined || known.has(subject)) return [];
        const there = await registry.readManifest(`${repository}@${subject}`);
        return there === undefined ? [subject] : [];
      }),
    ),
  );
  return prunable(all, keep, new Set(lost.flat()));
}

/** Deletes manifests one by one, because indexes come before their children. */
export async function prune(
  registry: Registry,
  repository: string,
  { digests }: Removal,
): Promise<void> {
  for (const digest of digests) await registry.deleteManifest(`${repository}@${digest}`);
}
