/** Builds and tests images in the engine. */

import type { Platform } from '@ai-bakery/kernel/platform.ts';
import { buildImages, type Built, existingImages } from './local-images.ts';
import { type Checkout, planCells, selectLocked } from '../catalogue/checkout.ts';
import type { Selection } from '../plan/matrix.rules.ts';
import { cellName, type Image } from '../plan/plan.rules.ts';
import { type BuildReport, firstFault, type ImageReport, verdict } from '../tester/report.rules.ts';
import { type EngineAndInstance, type EnvironmentOptions, openEnvironment } from './environment.ts';
import { testAll, type Tested } from '../tester/tester.ts';

export type BuildAndTestOptions = EnvironmentOptions & {
  readonly selection: Selection;
  readonly build: boolean;
  readonly test: boolean;
};

/**
 * Builds the images of a selection that are not up to date, and tests them.
 * @param opening engine and builder instance, which are asked while the checkout is read.
 * @throws UserError of selectLocked, of the engine and of the builder.
 */
export async function buildAndTest(
  checkout: Checkout,
  opening: Promise<EngineAndInstance>,
  options: BuildAndTestOptions,
): Promise<BuildReport> {
  const started = performance.now();
  const { cells, leftOut } = selectLocked(checkout, options.selection);
  const plan = planCells(checkout, cells);
  const environment = openEnvironment(checkout, await opening, options);
  const built = options.build
    ? await buildImages(plan, environment)
    : await existingImages(plan, environment);
  const tested = options.test ? await testAll(plan.subjects, built, environment) : new Map();
  const images = plan.images.flatMap((image) =>
    image.platforms.map((platform) => reportOf(image, platform, built, tested)),
  );
  return {
    layers: built.results,
    images,
    leftOut,
    milliseconds: performance.now() - started,
    ok:
      built.results.every(({ ok }) => ok) &&
      images.every(({ test }) => test === 'passed' || (!options.test && test === 'not run')),
  };
}

function reportOf(image: Image, platform: Platform, built: Built, tested: Tested): ImageReport {
  const name = cellName(image, platform);
  const { build, why = 'not asked to test' } = built.cells.get(name) ?? { build: 'failed' };
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
