/** Builds the missing layers of a publication, and stages its images in the registry. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import type { BuildResult } from '../builder/builder.ts';
import { isEngine } from '../builder/instance.ts';
import { buildLayers } from '../builder/layers.ts';
import type { BuildContext } from '../builder/context.ts';
import { isAttested } from '../builder/attest.rules.ts';
import { repositoryOf, type RegistryOutput } from '../builder/bake-file.rules.ts';
import { registryReasonOfBuildKit } from '../registry/foreign-text.rules.ts';
import { frameOf } from '../composer/manifests.rules.ts';
import { layersIn } from '../composer/layer-names.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import type { Image } from '../plan/plan.rules.ts';
import { createdAnnotation, stagingTag } from './need.rules.ts';
import { pushWaves } from '../composer/waves.rules.ts';
import type { Environment } from '../builder/environment.ts';
import { type Pushed, pushImages } from '../builder/push-images.ts';
import type { Registry } from '../registry/registry.ts';
import { composeImage } from '../composer/composer.ts';
import { type ProvidedLayer, provideLayers, reusedLayer } from './registry-layers.ts';
import { readBack } from './read-back.ts';
import type { PublicationPlan } from './publication.rules.ts';
import { openSharing } from '../composer/share.ts';

type Fault = { readonly outcome: 'blocked' | 'failed'; readonly why: string };

/** The results of the compositions, by image id. */
export type Staged = {
  readonly results: readonly BuildResult[];
  /** Ids of the layers that the registry had. */
  readonly reused: readonly string[];
  readonly indexes: ReadonlyMap<string, Manifest>;
  readonly faults: ReadonlyMap<string, Fault>;
};

/** One of the two ways to stage images. */
type Way = {
  readonly results: readonly BuildResult[];
  readonly reused: readonly string[];
  /** The layer that an image lacks, and why. */
  readonly faultOf: (image: Image) => string | undefined;
  /** The image that BuildKit pushes for an image. */
  readonly pushed: (image: Image) => Image;
  /** Makes the staged index from the pushed one. */
  readonly finish: (image: Image, index: Manifest) => Promise<Manifest>;
};

/** The means of both ways. */
type Tools = {
  readonly output: RegistryOutput;
  readonly registry: Registry;
  readonly memory: Environment['memory'];
  readonly context: BuildContext;
};

/** A staging in progress. */
type Staging = {
  readonly way: Way;
  /** By id, which an image and its frame share. */
  readonly images: ReadonlyMap<string, Image>;
  readonly output: RegistryOutput;
  readonly registry: Registry;
  readonly context: BuildContext;
  readonly results: BuildResult[];
  readonly indexes: Map<string, Manifest>;
  readonly faults: Map<string, Fault>;
};

/** Carries out builds and compositions of a plan. An image that lacks a layer on one platform is not staged at all. */
export async function stage(
  publication: PublicationPlan,
  to: Pick<RegistryOutput, 'created' | 'origin'>,
  registry: Registry,
  { instance, memory, context: openContext }: Environment,
): Promise<Staged> {
  const { attest, registry: where } = publication.request;
  const context = openContext();
  const byDigest = !isEngine(instance);
  const output: RegistryOutput = { to: 'registry', registry: where, ...to, attest, byDigest };
  const takeWay = isAttested(attest) ? whole : composed;
  const way = await takeWay(publication, { output, registry, memory, context });
  const images = publication.compositions.map(({ subject }) => subject.image);
  const staging: Staging = {
    way,
    images: new Map(images.map((image) => [image.id, image])),
    output,
    registry,
    context,
    results: [...way.results],
    indexes: new Map(),
    faults: new Map(),
  };
  const complete = images.filter((image) => {
    const why = way.faultOf(image);
    if (why !== undefined) staging.faults.set(image.id, { outcome: 'blocked', why });
    return why === undefined;
  });
  const waves = pushWaves(complete.map(way.pushed));
  for (const [at, wave] of waves.entries())
    await push(`push ${at + 1} of ${waves.length}, ${wave.length} images`, wave, staging);
  const { results, indexes, faults } = staging;
  return { results, reused: way.reused, indexes, faults };
}

async function push(id: string, wave: readonly Image[], staging: Staging): Promise<void> {
  const { output, context, results, faults } = staging;
  const pushed = await pushImages(id, wave, output, context);
  results.push(pushed.result);
  const settled = await Promise.all(
    wave.map(async (image) => ((await settle(image, pushed, staging)) ? [] : [image])),
  );
  // An image that fails takes the others of its call with it: push each by itself, unless the registry failed.
  const { error = '', stuck = false } = pushed.result;
  if (wave.length === 1 || stuck || registryReasonOfBuildKit(error) !== undefined) return;
  for (const image of settled.flat()) {
    faults.delete(image.id);
    await push(`push ${image.id}`, [image], staging);
  }
}

/** @returns whether the registry has the image now. */
async function settle(
  pushed: Image,
  { digests, result }: Pushed,
  staging: Staging,
): Promise<boolean> {
  const { way, images, context, indexes, faults } = staging;
  try {
    const found = await findPushed(pushed, digests.get(pushed.id), staging);
    const image = images.get(pushed.id);
    if (found !== undefined && image !== undefined) {
      indexes.set(image.id, await way.finish(image, found));
      return true;
    }
    faults.set(pushed.id, { outcome: 'failed', why: firstLine(result.error) });
    return false;
  } catch (error) {
    if (!(error instanceof UserError) || context.signal.aborted) throw error;
    faults.set(pushed.id, { outcome: 'failed', why: error.message });
    return false;
  }
}

/** Finds an index by the digest that BuildKit reports, otherwise by the tag that this run may have written. */
async function findPushed(
  image: Image,
  digest: Digest | undefined,
  { output, registry, context }: Staging,
): Promise<Manifest | undefined> {
  const repository = repositoryOf(output.registry, image);
  if (digest !== undefined)
    return readBack(registry, `${repository}@${digest}`, () => true, context.signal);
  const found = await registry.readManifest(`${repository}:${stagingTag(image)}`);
  return found?.annotations[createdAnnotation] === output.created ? found : undefined;
}

/** Builds whole images: BuildKit attests only to what it has built itself. Layers come from the builder's cache. */
async function whole(
  { builds }: PublicationPlan,
  { output: { registry: where, byDigest }, registry, memory, context }: Tools,
): Promise<Way> {
  const { results, failed } = await buildLayers(
    builds.map(({ layer }) => layer),
    memory,
    context,
  );
  return {
    results,
    reused: [],
    faultOf: ({ layers }) => {
      const fault = failed.find(({ id }) => layers.includes(id));
      return fault === undefined ? undefined : `${fault.id} failed`;
    },
    pushed: (image) => image,
    finish: async (image, index) => {
      if (byDigest === true)
        await registry.writeManifest(`${repositoryOf(where, image)}:${stagingTag(image)}`, index);
      return index;
    },
  };
}

/**
 * Composes images in the registry: BuildKit pushes their frames, and the registry's layers are added. A registry has one
 * version of a layer, whatever its builders remember, and a builder needs no layer.
 */
async function composed(
  { builds, reused }: PublicationPlan,
  { output, registry, memory, context }: Tools,
): Promise<Way> {
  const missing = builds.flatMap(({ layer, reference }) =>
    reference === undefined ? [] : [{ layer, reference }],
  );
  const built = await provideLayers(missing, output, registry, context);
  for (const { layer, outcome } of built) if (outcome === 'built') await memory.built(layer.key);
  const share = openSharing(registry, layersIn(output.registry));
  const provided = [...reused.map(reusedLayer), ...built];
  const byId = new Map(provided.map((one) => [one.layer.id, one]));
  /** The lowest first. */
  const layersOf = ({ layers }: Image): ProvidedLayer[] =>
    layers.flatMap((id) => byId.get(id) ?? []);
  return {
    results: built.flatMap(({ result }) => result ?? []),
    reused: reused.map(({ layer }) => layer.id),
    faultOf: (image) => {
      const fault = layersOf(image).find(({ outcome }) => outcome === 'failed');
      if (fault === undefined) return undefined;
      return `${fault.layer.id} failed${fault.result === undefined ? `: ${fault.why ?? ''}` : ''}`;
    },
    pushed: frameOf,
    finish: (image, frame) => composeImage(image, frame, layersOf(image), output, registry, share),
  };
}

function firstLine(text = 'the registry does not have what was pushed'): string {
  return text.split('\n')[0] ?? '';
}
