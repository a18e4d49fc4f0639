/** Builds images into the engine, and finds those that it has. */

import { exportImages } from './export.ts';
import { isEngine } from './instance.ts';
import type { BuildResult } from './builder.ts';
import { cellName, type Image, type Layer, layersFor, type Plan } from '../plan/plan.rules.ts';
import type { ImageReport } from '../tester/report.rules.ts';
import type { Engine } from '../engine/engine.ts';
import { localImages } from '../engine/images.ts';
import type { Environment } from './environment.ts';
import { buildLayers } from './layers.ts';

/** The build of one image on one platform. */
type BuiltCell = Pick<ImageReport, 'build' | 'why'>;

export type Built = {
  readonly results: readonly BuildResult[];
  /** By {@link cellName}, for every image and platform of the plan. */
  readonly cells: ReadonlyMap<string, BuiltCell>;
};

/** An image that the engine has. */
type Existing = { readonly key: string; readonly platforms: readonly string[] };

/** Builds the images that are not up to date, without the platforms on which one of their layers fails. */
export async function buildImages(plan: Plan, environment: Environment): Promise<Built> {
  const { engine, force, instance, memory, context } = environment;
  const existing = force ? undefined : await findExisting(engine);
  const cells = new Map<string, BuiltCell>();
  const stale = plan.images.filter((image) => !isUpToDate(image, existing?.get(image.reference)));
  for (const image of plan.images) mark(cells, image, { build: 'up to date' });
  if (stale.length === 0) return { results: [], cells };

  const opened = context();
  const { results, failed } = await buildLayers(layersFor(plan, stale), memory, opened);
  const complete = stale.flatMap((image) => withoutFailed(image, failed, cells));
  if (complete.length === 0) return { results, cells };
  const output = { to: 'engine', load: !isEngine(instance) } as const;
  const exported = await exportImages(complete, output, opened);
  for (const image of complete)
    mark(
      cells,
      image,
      exported.ok ? { build: 'built' } : { build: 'failed', why: 'the images failed' },
    );
  return { results: [...results, exported], cells };
}

/** The images that the engine has, without a build. */
export async function existingImages({ images }: Plan, { engine }: Environment): Promise<Built> {
  const existing = await findExisting(engine);
  const missing: BuiltCell = {
    build: 'blocked',
    why: 'the engine does not have it: run `bakery build`',
  };
  const cells = new Map<string, BuiltCell>();
  for (const image of images) {
    const { platforms = [] } = existing.get(image.reference) ?? {};
    for (const platform of image.platforms) {
      const isThere = platforms.includes(platform);
      cells.set(cellName(image, platform), isThere ? { build: 'up to date' } : missing);
    }
  }
  return { results: [], cells };
}

function isUpToDate(image: Image, { key, platforms = [] }: Partial<Existing> = {}): boolean {
  return key === image.key && image.platforms.every((one) => platforms.includes(one));
}

function mark(cells: Map<string, BuiltCell>, image: Image, cell: BuiltCell): void {
  for (const platform of image.platforms) cells.set(cellName(image, platform), cell);
}

/** The image for its other platforms; nothing if all have failed. */
function withoutFailed(
  image: Image,
  failed: readonly Layer[],
  cells: Map<string, BuiltCell>,
): Image[] {
  const faults = failed.filter(({ id }) => image.layers.includes(id));
  for (const { id, platform } of faults)
    cells.set(cellName(image, platform), { build: 'blocked', why: `${id} failed` });
  const platforms = image.platforms.filter((one) => !faults.some((f) => f.platform === one));
  return platforms.length === 0 ? [] : [{ ...image, platforms }];
}

/** The engine's images by name. */
async function findExisting(engine: Engine): Promise<ReadonlyMap<string, Existing>> {
  return new Map((await localImages(engine)).map((found) => [found.reference, found]));
}
