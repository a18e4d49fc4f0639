import { UserError } from '../../ai-run/core/error.ts';
import type { Digest } from '../../ai-run/core/reference.ts';
import { contextOf } from '../bake.ts';
import type { BuildResult } from '../build.ts';
import { isEngine } from '../builder.ts';
import { repositoryOf, type RegistryOutput } from '../core/bake.ts';
import { isPassing } from '../core/challenge.ts';
import { frameOf } from '../core/compose.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Image, Plan } from '../core/plan.ts';
import { createdAnnotation, stagingTag } from '../core/publish.ts';
import { pushWaves } from '../core/waves.ts';
import type { Kitchen } from '../kitchen.ts';
import { type Pushed, pushImages } from '../push.ts';
import type { Registry } from '../registry/client.ts';
import { composeImage, mountLayers } from './compose.ts';
import { type ProvidedLayer, provideLayers } from './layers.ts';
import { readBack } from './promote.ts';

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

/**
 * Builds the layers that the registry does not have, and stages these images. One whose layers are all of this run is pushed by
 * BuildKit as a whole: wave by wave, so that a layer is uploaded once. One that takes a layer from the registry is composed
 * there, so that its builder needs nothing of it; and a registry has one version of a layer only, whatever
 * a builder remembers. An image that misses a layer on one platform is not pushed at all.
 */
export const stage = async (
  plan: Plan,
  images: readonly Image[],
  { registry: where, created }: RegistryOutput,
  registry: Registry,
  kitchen: Kitchen,
): Promise<Staged> => {
  const byDigest = !isEngine(kitchen.builder);
  const output: RegistryOutput = { to: 'registry', registry: where, created, byDigest };
  const indexes = new Map<string, Manifest>();
  const faults = new Map<string, { outcome: 'blocked' | 'failed'; why: string }>();
  const needed = plan.layers.filter(({ id }) => images.some(({ layers }) => layers.includes(id)));
  const context = contextOf(kitchen);
  const provided = await provideLayers(needed, output, registry, context, kitchen.force);
  for (const { layer, outcome } of provided)
    if (outcome === 'built') await kitchen.memory.built(layer.key);
  const results = provided.flatMap(({ result }) => result ?? []);
  const byId = new Map(provided.map((one) => [one.layer.id, one]));
  /** The lowest first. */
  const layersOf = ({ layers }: Image): ProvidedLayer[] =>
    layers.flatMap((id) => byId.get(id) ?? []);
  const isComposed = (image: Image): boolean =>
    layersOf(image).some(({ outcome }) => outcome === 'from the registry');

  const complete = images.filter((image) => {
    const fault = layersOf(image).find(({ outcome }) => outcome === 'failed');
    if (fault === undefined) return true;
    const why = `${fault.layer.id} failed${fault.result === undefined ? `: ${fault.why ?? ''}` : ''}`;
    faults.set(image.id, { outcome: 'blocked', why });
    return false;
  });

  /** By digest where BuildKit has told it, otherwise by the tag that this run may have reached. */
  const find = async (image: Image, digest: Digest | undefined): Promise<Manifest | undefined> => {
    const repository = repositoryOf(where, image);
    if (digest !== undefined)
      return readBack(registry, `${repository}@${digest}`, () => true, kitchen.signal);
    const found = await registry.readManifest(`${repository}:${stagingTag(image)}`);
    return found?.annotations[createdAnnotation] === created ? found : undefined;
  };

  const originals = new Map(complete.map((image) => [image.id, image]));
  /** What a push left, as what is to be tested: under its staging tag, and with its layers. */
  const finish = async (pushed: Image, index: Manifest): Promise<Manifest> => {
    const image = originals.get(pushed.id) ?? pushed;
    if (isComposed(image)) return composeImage(image, index, layersOf(image), output, registry);
    if (byDigest)
      await registry.writeManifest(`${repositoryOf(where, image)}:${stagingTag(image)}`, index);
    return index;
  };

  /** @returns whether the registry has it now. */
  const settle = async (image: Image, { digests, result }: Pushed): Promise<boolean> => {
    try {
      const pushed = await find(image, digests.get(image.id));
      const index = pushed === undefined ? undefined : await finish(image, pushed);
      if (index !== undefined) indexes.set(image.id, index);
      else faults.set(image.id, { outcome: 'failed', why: firstLine(result.error) });
      return index !== undefined;
    } catch (error) {
      if (!(error instanceof UserError) || kitchen.signal.aborted) throw error;
      faults.set(image.id, { outcome: 'failed', why: error.message });
      return false;
    }
  };

  const push = async (id: string, wave: readonly Image[]): Promise<void> => {
    const pushed = await pushImages(id, wave, output, context);
    results.push(pushed.result);
    const missing: Image[] = [];
    for (const image of wave) if (!(await settle(image, pushed))) missing.push(image);
    // One image that fails has taken the others of its call with it: each for itself, unless it is the registry.
    if (wave.length === 1 || isPassing(pushed.result.error ?? '')) return;
    for (const image of missing) {
      faults.delete(image.id);
      await push(`push ${image.id}`, [image]);
    }
  };

  // What is in an image's repository already is not uploaded: in which order images are pushed only matters to their base then.
  const ready = await Promise.all(
    complete.map(async (image) => {
      if (isComposed(image)) return frameOf(image);
      const mounted = await mountLayers(image, layersOf(image), where, registry).catch(giveUp);
      return mounted ? { ...image, layers: [] } : image;
    }),
  );
  const waves = pushWaves(ready);
  for (const [at, wave] of waves.entries())
    await push(`push ${at + 1} of ${waves.length}, ${wave.length} images`, wave);
  const reused = provided.filter(({ outcome }) => outcome === 'from the registry');
  return { results, reused: reused.map(({ layer }) => layer.id), indexes, faults };
};

/** What goes wrong here goes wrong for the push as well, which says so of its image. */
const giveUp = (error: unknown): boolean => {
  if (error instanceof UserError && error.code === 'E_REGISTRY') return false;
  throw error;
};

const firstLine = (text = 'the registry does not have what was pushed'): string =>
  text.split('\n')[0] ?? '';
