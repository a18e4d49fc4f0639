import { type BuildContext, buildImages, buildLayers, type BuildResult } from './buildx.ts';
import { isEngine } from './builder.ts';
import { buildInputs } from '../catalogue/checkout.ts';
import { cellName, type Image, type Layer, layersFor, type Plan } from '../plan/plan.rules.ts';
import type { ImageReport } from '../tester/report.rules.ts';
import type { Engine } from '../engine/engine.ts';
import { localImages } from '../engine/images.ts';
import type { Kitchen } from './kitchen.ts';

/** What became of one image on one platform, before any test. */
type BakedCell = Pick<ImageReport, 'build' | 'why'>;

export type Baked = {
  readonly results: readonly BuildResult[];
  /** By {@link cellName}; every image and platform of the plan is in it. */
  readonly cells: ReadonlyMap<string, BakedCell>;
};

/** What is there under an image's name. */
type Existing = { readonly key: string; readonly platforms: readonly string[] };

/** What became of the layers that some images need. */
type BakedLayers = {
  readonly results: readonly BuildResult[];
  readonly failed: readonly Layer[];
};

/** Wave 1: those layers that this builder has not built before. */
export async function bakeLayers(needed: readonly Layer[], kitchen: Kitchen): Promise<BakedLayers> {
  const { memory, force } = kitchen;
  const layers = force ? needed : await pending(needed, ({ key }) => memory.wasBuilt(key));
  const results = await buildLayers(layers, contextOf(kitchen));
  for (const [at, layer] of layers.entries()) {
    if (results[at]?.ok === true) await memory.built(layer.key);
  }
  return { results, failed: layers.filter((_, at) => results[at]?.ok === false) };
}

export function contextOf(kitchen: Kitchen): BuildContext {
  return {
    ...kitchen,
    root: kitchen.checkout.root,
    inputs: buildInputs(kitchen.checkout),
  };
}

/** Both waves, into the engine. Images whose layers failed are left out, for the platforms they failed on. */
export async function bake(plan: Plan, kitchen: Kitchen): Promise<Baked> {
  const existing = kitchen.force ? undefined : await findExisting(kitchen.engine);
  const cells = new Map<string, BakedCell>();
  const mark = (image: Image, cell: BakedCell): void => {
    for (const platform of image.platforms) cells.set(cellName(image, platform), cell);
  };
  const stale = plan.images.filter((image) => {
    const { key, platforms = [] } = existing?.get(image.reference) ?? {};
    return key !== image.key || !image.platforms.every((one) => platforms.includes(one));
  });
  for (const image of plan.images) mark(image, { build: 'up to date' });
  if (stale.length === 0) return { results: [], cells };

  const { results, failed } = await bakeLayers(layersFor(plan, stale), kitchen);
  const survivors = stale.flatMap((image): Image[] => {
    const faults = failed.filter(({ id }) => image.layers.includes(id));
    for (const { id, platform } of faults)
      cells.set(cellName(image, platform), { build: 'blocked', why: `${id} failed` });
    const platforms = image.platforms.filter((one) => !faults.some((f) => f.platform === one));
    return platforms.length === 0 ? [] : [{ ...image, platforms }];
  });
  if (survivors.length === 0) return { results, cells };
  const output = { to: 'engine', load: !isEngine(kitchen.builder) } as const;
  const wave = await buildImages(survivors, output, contextOf(kitchen));
  for (const image of survivors)
    mark(image, wave.ok ? { build: 'built' } : { build: 'failed', why: 'the images failed' });
  return { results: [...results, wave], cells };
}

/** What the engine has, as it is. */
export async function alreadyBaked({ images }: Plan, { engine }: Kitchen): Promise<Baked> {
  const existing = await findExisting(engine);
  const missing: BakedCell = {
    build: 'blocked',
    why: 'the engine does not have it: run `bakery build`',
  };
  const cells = new Map<string, BakedCell>();
  for (const image of images) {
    const { platforms = [] } = existing.get(image.reference) ?? {};
    for (const platform of image.platforms) {
      const isThere = platforms.includes(platform);
      cells.set(cellName(image, platform), isThere ? { build: 'up to date' } : missing);
    }
  }
  return { results: [], cells };
}

async function pending<T>(all: readonly T[], done: (one: T) => Promise<boolean>): Promise<T[]> {
  const states = await Promise.all(all.map(done));
  return all.filter((_, at) => states[at] === false);
}

/** What the engine has, by name. */
async function findExisting(engine: Engine): Promise<ReadonlyMap<string, Existing>> {
  return new Map((await localImages(engine)).map((found) => [found.reference, found]));
}
