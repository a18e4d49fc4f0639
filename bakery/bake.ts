import pLimit from 'p-limit';
import { buildImages, buildLayers, type BuildResult } from './build.ts';
import { buildInputs, type Checkout } from './checkout.ts';
import { type Output, tagOf } from './core/bake.ts';
import { cellName, type Image, keyLabel, type Plan } from './core/plan.ts';
import type { ImageReport } from './core/report.ts';
import type { Display } from './display.ts';
import { type Engine, localImages } from './engine.ts';
import type { Memory } from './memory.ts';
import { openRegistry } from './registry/client.ts';

/** At a time: enough to hide latency, few enough for a registry that counts. */
const registryRequests = 16;

/** What baking and testing both need. */
export type Kitchen = {
  readonly checkout: Checkout;
  readonly engine: Engine;
  readonly memory: Memory;
  readonly output: Output;
  /** Build and test again what is up to date. */
  readonly force: boolean;
  /** How many layers are built at a time. */
  readonly builds: number;
  /** How many images are tested at a time. */
  readonly tests: number;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Folder for the logs of this run. */
  readonly logs: string;
};

/** What became of one image on one platform, before any test. */
type BakedCell = Pick<ImageReport, 'build' | 'why'>;

export type Baked = {
  readonly results: readonly BuildResult[];
  /** By {@link cellName}; every image and platform of the plan is in it. */
  readonly cells: ReadonlyMap<string, BakedCell>;
};

/** What is there under an image's name. */
type Existing = { readonly key: string; readonly platforms: readonly string[] };

/** What the engine or the registry has of these images, by their own names. */
const findExisting = async (
  images: readonly Image[],
  { engine, output, signal }: Kitchen,
): Promise<ReadonlyMap<string, Existing>> => {
  if (output.to === 'engine')
    return new Map((await localImages(engine)).map((found) => [found.reference, found]));
  const registry = openRegistry(signal);
  const limit = pLimit(registryRequests);
  const found = await Promise.all(
    images.map((image) => limit(() => registry.readManifest(tagOf(image, output)))),
  );
  return new Map(
    images.map(({ reference }, at) => [
      reference,
      { key: found[at]?.annotations[keyLabel] ?? '', platforms: found[at]?.platforms ?? [] },
    ]),
  );
};

const pending = async <T>(all: readonly T[], done: (one: T) => Promise<boolean>): Promise<T[]> => {
  const states = await Promise.all(all.map(done));
  return all.filter((_, at) => states[at] === false);
};

/** Both waves. Images whose layers failed are left out, for the platforms they failed on. */
export const bake = async (plan: Plan, kitchen: Kitchen): Promise<Baked> => {
  const { checkout, memory, output, force } = kitchen;
  const existing = force ? undefined : await findExisting(plan.images, kitchen);
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

  const context = { ...kitchen, root: checkout.root, inputs: buildInputs(checkout) };
  const needed = plan.layers.filter(({ id }) => stale.some(({ layers }) => layers.includes(id)));
  const layers = force ? needed : await pending(needed, ({ key }) => memory.wasBuilt(key));
  const results = await buildLayers(layers, context);
  for (const [at, layer] of layers.entries()) {
    if (results[at]?.ok === true) await memory.built(layer.key);
  }

  const failed = layers.filter((_, at) => results[at]?.ok === false);
  const survivors = stale.flatMap((image): Image[] => {
    const faults = failed.filter(({ id }) => image.layers.includes(id));
    for (const { id, platform } of faults)
      cells.set(cellName(image, platform), { build: 'blocked', why: `${id} failed` });
    const platforms = image.platforms.filter((one) => !faults.some((f) => f.platform === one));
    return platforms.length === 0 ? [] : [{ ...image, platforms }];
  });
  if (survivors.length === 0) return { results, cells };
  const wave = await buildImages(survivors, output, context);
  for (const image of survivors)
    mark(image, wave.ok ? { build: 'built' } : { build: 'failed', why: 'the images failed' });
  return { results: [...results, wave], cells };
};

/** What the engine has, as it is. */
export const alreadyBaked = async ({ images }: Plan, kitchen: Kitchen): Promise<Baked> => {
  const existing = await findExisting(images, kitchen);
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
};
