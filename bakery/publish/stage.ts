import { UserError } from '../../ai-run/core/error.ts';
import type { Digest } from '../../ai-run/core/reference.ts';
import { bakeLayers, contextOf } from '../bake.ts';
import type { BuildResult } from '../build.ts';
import { repositoryOf, type RegistryOutput } from '../core/bake.ts';
import { isPassing } from '../core/challenge.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Image, Plan } from '../core/plan.ts';
import { createdAnnotation, stagingTag } from '../core/publish.ts';
import { pushWaves } from '../core/waves.ts';
import type { Kitchen } from '../kitchen.ts';
import { type Pushed, pushImages } from '../push.ts';
import type { Registry } from '../registry/client.ts';
import { readBack } from './promote.ts';

/** What became of the images that had to be built, by image id. */
export type Staged = {
  readonly results: readonly BuildResult[];
  readonly indexes: ReadonlyMap<string, Manifest>;
  readonly faults: ReadonlyMap<
    string,
    { readonly outcome: 'blocked' | 'failed'; readonly why: string }
  >;
};

/**
 * Builds the layers of these images and pushes the images under their staging tags: wave by wave, so that a layer is
 * uploaded once. An image that misses a layer on one platform is not pushed at all.
 */
export const stage = async (
  plan: Plan,
  images: readonly Image[],
  output: RegistryOutput,
  registry: Registry,
  kitchen: Kitchen,
): Promise<Staged> => {
  const indexes = new Map<string, Manifest>();
  const faults = new Map<string, { outcome: 'blocked' | 'failed'; why: string }>();
  const layers = await bakeLayers(plan, images, kitchen);
  const results = [...layers.results];
  const whole = images.filter((image) => {
    const fault = layers.failed.find(({ id }) => image.layers.includes(id));
    if (fault !== undefined)
      faults.set(image.id, { outcome: 'blocked', why: `${fault.id} failed` });
    return fault === undefined;
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
  const settle = async (image: Image, { digests, result }: Pushed): Promise<boolean> => {
    try {
      const index = await find(image, digests.get(image.id));
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
    const pushed = await pushImages(id, wave, output, contextOf(kitchen));
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

  const waves = pushWaves(whole);
  for (const [at, wave] of waves.entries())
    await push(`push ${at + 1} of ${waves.length}, ${wave.length} images`, wave);
  return { results, indexes, faults };
};

const firstLine = (text = 'the registry does not have what was pushed'): string =>
  text.split('\n')[0] ?? '';
