import type { Platform } from '@ai-bakery/kernel/platform.ts';
import { alreadyBaked, bake, type Baked } from './bake.ts';
import { type Checkout, planCells, selectLocked } from '../catalogue/checkout.ts';
import type { Selection } from '../plan/matrix.rules.ts';
import { cellName, type Image } from '../plan/plan.rules.ts';
import { type BuildReport, firstFault, type ImageReport, verdict } from '../tester/report.rules.ts';
import { type KitchenOptions, type Machine, openKitchen } from './kitchen.ts';
import { testAll, type Tested } from '../tester/tester.ts';

export type MakeOptions = KitchenOptions & {
  readonly selection: Selection;
  readonly build: boolean;
  readonly test: boolean;
};

/**
 * Plans, builds what is not up to date, and tests it.
 * @param opening engine and builder, once both have answered.
 * @throws UserError of selectLocked, and all that engine and builder say.
 */
export async function make(
  checkout: Checkout,
  opening: Promise<Machine>,
  options: MakeOptions,
): Promise<BuildReport> {
  const started = performance.now();
  const { cells, leftOut } = selectLocked(checkout, options.selection);
  const plan = planCells(checkout, cells);
  const kitchen = openKitchen(checkout, await opening, options);
  const baked = options.build ? await bake(plan, kitchen) : await alreadyBaked(plan, kitchen);
  const tested = options.test ? await testAll(plan.subjects, baked, kitchen) : new Map();
  const images = plan.images.flatMap((image) =>
    image.platforms.map((platform) => reportOf(image, platform, baked, tested)),
  );
  return {
    layers: baked.results,
    images,
    leftOut,
    milliseconds: performance.now() - started,
    ok:
      baked.results.every(({ ok }) => ok) &&
      images.every(({ test }) => test === 'passed' || (!options.test && test === 'not run')),
  };
}

function reportOf(image: Image, platform: Platform, baked: Baked, tested: Tested): ImageReport {
  const name = cellName(image, platform);
  const { build, why = 'not asked to test' } = baked.cells.get(name) ?? { build: 'failed' };
  const results = tested.get(name);
  const common = { image: image.reference, platform, key: image.key, build };
  if (results === undefined) return { ...common, test: 'not run', why, results: [] };
  const fault = firstFault(results);
  return {
    ...common,
    test: verdict(results),
    ...(fault === undefined ? {} : { why: fault }),
    results,
  };
}
