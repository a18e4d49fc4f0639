import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { bakeLayers, contextOf } from '../builder/bake.ts';
import type { BuildResult } from '../builder/buildx.ts';
import { isEngine } from '../builder/builder.ts';
import { isAttested, nothingAttested } from '../builder/attest.rules.ts';
import { repositoryOf, type RegistryOutput } from '../builder/bake-file.rules.ts';
import { isPassing } from '../registry/challenge.rules.ts';
import { frameOf } from '../composer/manifests.rules.ts';
import { layersIn } from '../composer/layer-names.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { type Image, layersFor, type Plan } from '../plan/plan.rules.ts';
import { createdAnnotation, stagingTag } from './need.rules.ts';
import { pushWaves } from '../composer/waves.rules.ts';
import type { Kitchen } from '../builder/kitchen.ts';
import { type Pushed, pushImages } from '../builder/push.ts';
import type { Registry } from '../registry/registry.ts';
import { composeImage } from '../composer/composer.ts';
import { type ProvidedLayer, provideLayers } from './layers.ts';
import { readBack } from './promote.ts';
import { openSharing } from '../composer/share.ts';

/** What became of the images that had to be built, by image id. */
export type Staged = {
  readonly results: readonly BuildResult[];
  /** Ids of the layers that the registry had. */
  readonly reused: readonly string[];
  readonly indexes: ReadonlyMap<string, Manifest>;
  readonly faults: ReadonlyMap<
    string,
    { readonly outcome: 'blocked' | 'failed'; readonly why: string }
  >;
};

/** How images come to be in a registry. */
type Way = {
  readonly results: readonly BuildResult[];
  readonly reused: readonly string[];
  /** The layer that an image lacks, and why. */
  readonly faultOf: (image: Image) => string | undefined;
  /** What BuildKit pushes for an image. */
  readonly pushed: (image: Image) => Image;
  /** Makes of what was pushed what is staged. */
  readonly finish: (image: Image, index: Manifest) => Promise<Manifest>;
};

/**
 * Builds the layers that are missing, and stages these images. An image that misses a layer on one platform is not staged
 * at all.
 */
export async function stage(
  plan: Plan,
  images: readonly Image[],
  { attest = nothingAttested, ...to }: RegistryOutput,
  registry: Registry,
  kitchen: Kitchen,
): Promise<Staged> {
  const output: RegistryOutput = { ...to, attest, byDigest: !isEngine(kitchen.builder) };
  const indexes = new Map<string, Manifest>();
  const faults = new Map<string, { outcome: 'blocked' | 'failed'; why: string }>();
  const takeWay = isAttested(attest) ? whole : composed;
  const way = await takeWay(plan, images, output, registry, kitchen);
  const results = [...way.results];
  const complete = images.filter((image) => {
    const why = way.faultOf(image);
    if (why !== undefined) faults.set(image.id, { outcome: 'blocked', why });
    return why === undefined;
  });

  /** By digest where BuildKit has told it, otherwise by the tag that this run may have reached. */
  const find = async (image: Image, digest: Digest | undefined): Promise<Manifest | undefined> => {
    const repository = repositoryOf(output.registry, image);
    if (digest !== undefined)
      return readBack(registry, `${repository}@${digest}`, () => true, kitchen.signal);
    const found = await registry.readManifest(`${repository}:${stagingTag(image)}`);
    return found?.annotations[createdAnnotation] === output.created ? found : undefined;
  };

  /** @returns whether the registry has it now. */
  const settle = async (pushed: Image, { digests, result }: Pushed): Promise<boolean> => {
    try {
      const found = await find(pushed, digests.get(pushed.id));
      const image = images.find(({ id }) => id === pushed.id);
      if (found !== undefined && image !== undefined) {
        indexes.set(image.id, await way.finish(image, found));
        return true;
      }
      faults.set(pushed.id, { outcome: 'failed', why: firstLine(result.error) });
      return false;
    } catch (error) {
      if (!(error instanceof UserError) || kitchen.signal.aborted) throw error;
      faults.set(pushed.id, { outcome: 'failed', why: error.message });
      return false;
    }
  };

  const push = async (id: string, wave: readonly Image[]): Promise<void> => {
    const pushed = await pushImages(id, wave, output, contextOf(kitchen));
    results.push(pushed.result);
    const settled = await Promise.all(wave.map((image) => settle(image, pushed)));
    const missing = wave.filter((_, at) => settled[at] === false);
    // One image that fails has taken the others of its call with it: each for itself, unless it is the registry.
    const { error = '', stuck = false } = pushed.result;
    if (wave.length === 1 || stuck || isPassing(error)) return;
    for (const image of missing) {
      faults.delete(image.id);
      await push(`push ${image.id}`, [image]);
    }
  };

  const waves = pushWaves(complete.map(way.pushed));
  for (const [at, wave] of waves.entries())
    await push(`push ${at + 1} of ${waves.length}, ${wave.length} images`, wave);
  return { results, reused: way.reused, indexes, faults };
}

/** Baked whole: BuildKit attests only to what it has built itself. Layers that this builder does not have are built by it. */
async function whole(
  plan: Plan,
  images: readonly Image[],
  { registry: where, byDigest }: RegistryOutput,
  registry: Registry,
  kitchen: Kitchen,
): Promise<Way> {
  const { results, failed } = await bakeLayers(plan, images, kitchen);
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
 * Layers that the registry has, or gets; BuildKit pushes the images' frames, and their layers are added in the registry. So a
 * registry has one version of a layer, whatever its builders remember, and a builder needs nothing of it.
 */
async function composed(
  plan: Plan,
  images: readonly Image[],
  output: RegistryOutput,
  registry: Registry,
  kitchen: Kitchen,
): Promise<Way> {
  const needed = layersFor(plan, images);
  const provided = await provideLayers(needed, output, registry, contextOf(kitchen));
  for (const { layer, outcome } of provided)
    if (outcome === 'built') await kitchen.memory.built(layer.key);
  const share = openSharing(registry, layersIn(output.registry));
  const byId = new Map(provided.map((one) => [one.layer.id, one]));
  /** The lowest first. */
  const layersOf = ({ layers }: Image): ProvidedLayer[] =>
    layers.flatMap((id) => byId.get(id) ?? []);
  return {
    results: provided.flatMap(({ result }) => result ?? []),
    reused: provided
      .filter(({ outcome }) => outcome === 'from the registry')
      .map(({ layer }) => layer.id),
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
