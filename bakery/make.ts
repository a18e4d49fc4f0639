import { UserError } from '../ai-run/core/error.ts';
import type { Platform } from '../ai-run/core/platform.ts';
import { alreadyBaked, bake, type Baked } from './bake.ts';
import { type Checkout, planCells } from './checkout.ts';
import { type Cell, select, type Selection } from './core/matrix.ts';
import { cellName, type Image, type Plan } from './core/plan.ts';
import { type BuildReport, firstFault, type ImageReport, verdict } from './core/report.ts';
import type { Engine } from './engine.ts';
import { type KitchenOptions, openKitchen } from './kitchen.ts';
import type { Subject } from './smoke.ts';
import { testAll, type Tested } from './test.ts';

export type MakeOptions = KitchenOptions & {
  readonly selection: Selection;
  readonly build: boolean;
  readonly test: boolean;
};

const reportOf = (image: Image, platform: Platform, baked: Baked, tested: Tested): ImageReport => {
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
};

/**
 * The cells of a selection.
 * @throws UserError E_NOTHING_TO_BAKE when it holds no locked agent.
 */
export const selectLocked = (
  { catalogue }: Checkout,
  selection: Selection,
): ReturnType<typeof select> => {
  const { cells, leftOut } = select(catalogue, selection);
  if (cells.length > 0) return { cells, leftOut };
  throw new UserError(
    'E_NOTHING_TO_BAKE',
    leftOut
      .map(({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`)
      .join('\n'),
    { hint: 'run `bakery update` for these agents' },
  );
};

/** What tests need to know of each image. */
export const subjectsOf = (plan: Plan, cells: readonly Cell[]): Subject[] =>
  plan.images.flatMap((image, at): Subject[] => {
    const cell = cells[at];
    return cell === undefined ? [] : [{ image, agent: cell.agent, runtime: cell.runtime }];
  });

/**
 * Plans, builds what is not up to date, and tests it.
 * @param opening the engine, once it and its builder have answered.
 * @throws UserError of {@link selectLocked}, and all that engine and builder say.
 */
export const make = async (
  checkout: Checkout,
  opening: Promise<Engine>,
  options: MakeOptions,
): Promise<BuildReport> => {
  const started = performance.now();
  const { cells, leftOut } = selectLocked(checkout, options.selection);
  const plan = planCells(checkout, cells);
  const kitchen = openKitchen(checkout, await opening, options);
  const baked = options.build ? await bake(plan, kitchen) : await alreadyBaked(plan, kitchen);
  const subjects = subjectsOf(plan, cells);
  const tested = options.test ? await testAll(subjects, baked, kitchen) : new Map();
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
};
