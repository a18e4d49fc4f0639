/** Reads from a registry what a publication depends on, and plans the publication. */

import pLimit from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Runtime } from '../catalogue/catalogue.rules.ts';
import { repositoryOf } from '../builder/bake-file.rules.ts';
import { testKeyOf } from '../tester/judge.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { type Held, isCurrent, publicTags, stagingTag, testedTag } from './need.rules.ts';
import type { Registry } from '../registry/registry.ts';
import type { Image, Plan, Subject } from '../plan/plan.rules.ts';
import { findLayers } from './registry-layers.ts';
import {
  type FoundImage,
  layersToFind,
  planPublication,
  type PublicationPlan,
  type PublicationRequest,
  type Unseen,
} from './publication.rules.ts';
import { signedOf } from './read-signatures.ts';

/** At a time: enough to hide latency, few enough for a registry with a rate limit. */
const requests = 32;

/**
 * Reads all tags of all images at once, then the layers of the images that have to be built.
 * @throws the first UserError if no image could be read.
 */
export async function readPublication(
  plan: Plan,
  runtimes: readonly Runtime[],
  registry: Registry,
  request: PublicationRequest,
): Promise<PublicationPlan> {
  const limited = limit(registry);
  const images: FoundImage[] = [];
  const unseen: Unseen[] = [];
  const read = async (subject: Subject): Promise<FoundImage | Unseen> => {
    try {
      return await readImage(subject, runtimes, limited, request);
    } catch (error) {
      if (error instanceof UserError) return { subject, error };
      throw error;
    }
  };
  for (const found of await Promise.all(plan.subjects.map(read)))
    if ('error' in found) unseen.push(found);
    else images.push(found);
  const [first] = unseen;
  if (images.length === 0 && first !== undefined) throw first.error;
  const layers = await findLayers(
    layersToFind(plan, images, request),
    request.registry,
    limited,
    request.force,
  );
  return planPublication(plan, { images, unseen, layers }, request);
}

/** The manifests of the public tags. */
export async function readPublic(
  registry: Registry,
  repository: string,
  tags: readonly string[],
): Promise<Held['tags']> {
  return new Map(
    await Promise.all(
      tags.map(async (tag): Promise<[string, Manifest | undefined]> => [
        tag,
        await registry.readManifest(`${repository}:${tag}`),
      ]),
    ),
  );
}

function limit(registry: Registry): Registry {
  const atATime = pLimit(requests);
  return {
    ...registry,
    readManifest: (reference) => atATime(() => registry.readManifest(reference)),
  };
}

async function readImage(
  subject: Subject,
  runtimes: readonly Runtime[],
  registry: Registry,
  { registry: where, signing }: PublicationRequest,
): Promise<FoundImage> {
  const { image, agent, runtime } = subject;
  const repository = repositoryOf(where, image);
  const testKey = testKeyOf(image.key, agent, runtime, runtimes);
  const tags = await readPublic(registry, repository, publicTags(image));
  const isPublic = [...tags.values()].some((found) => isCurrent(image, found));
  // An index that is public has left its staging tag; another one may be waiting there only if none is public.
  const staged = isPublic
    ? undefined
    : await registry.readManifest(`${repository}:${stagingTag(image)}`);
  const current = [...tags.values(), staged].filter((found) => isCurrent(image, found));
  const indexes = [...new Set(current.map(({ digest }) => digest))];
  const [signed, tested] = await Promise.all([
    signing === undefined ? undefined : signedOf(registry, repository, indexes, signing),
    Promise.all(
      indexes.map(
        async (digest) =>
          [digest, await passedOn(image, digest, repository, testKey, registry)] as const,
      ),
    ),
  ]);
  return {
    subject,
    repository,
    testKey,
    held: {
      tags,
      staged,
      tested: new Map(tested),
      ...(signed === undefined ? {} : { signed }),
    },
  };
}

/** The platforms on which this index has passed the tests. */
async function passedOn(
  image: Image,
  digest: Manifest['digest'],
  repository: string,
  testKey: string,
  registry: Registry,
): Promise<Image['platforms']> {
  const passed = await Promise.all(
    image.platforms.map(async (platform) => {
      const tag = testedTag(testKey, digest, platform);
      const found = await registry.readManifest(`${repository}:${tag}`);
      return found?.digest === digest ? [platform] : [];
    }),
  );
  return passed.flat();
}
