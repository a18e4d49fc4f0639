import { join } from 'node:path';
import { UserError } from '../ai-run/core/error.ts';
import type { Platform } from '../ai-run/core/platform.ts';
import { alreadyBaked, bake, type Baked, type Kitchen } from './bake.ts';
import { type Checkout, planCells } from './checkout.ts';
import { type Output, tagOf } from './core/bake.ts';
import { select, type Selection } from './core/matrix.ts';
import { cellName, type Image } from './core/plan.ts';
import { type BuildReport, firstFault, type ImageReport, verdict } from './core/report.ts';
import type { Display } from './display.ts';
import type { Engine } from './engine.ts';
import { openMemory } from './memory.ts';
import type { Subject } from './smoke.ts';
import { testAll, type Tested } from './test.ts';

export type MakeOptions = {
  readonly selection: Selection;
  readonly output: Output;
  /** Build and test again what is up to date. */
  readonly force: boolean;
  readonly build: boolean;
  readonly test: boolean;
  readonly jobs: number | undefined;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Names the folder of this run's logs. */
  readonly now: Date;
};

const reportOf = (
  image: Image,
  platform: Platform,
  baked: Baked,
  tested: Tested,
  output: Output,
): ImageReport => {
  const name = cellName(image, platform);
  const { build, why = 'not asked to test' } = baked.cells.get(name) ?? { build: 'failed' };
  const results = tested.get(name);
  const common = { image: tagOf(image, output), platform, key: image.key, build };
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
 * Plans, builds what is not up to date, and tests it.
 * @param opening the engine, once it and its builder have answered.
 * @throws UserError E_NOTHING_TO_BAKE when the selection holds no locked agent, and all that engine and builder say.
 */
export const make = async (
  checkout: Checkout,
  opening: Promise<Engine>,
  options: MakeOptions,
): Promise<BuildReport> => {
  const started = performance.now();
  const { cells, leftOut } = select(checkout.catalogue, options.selection);
  if (cells.length === 0) {
    throw new UserError(
      'E_NOTHING_TO_BAKE',
      leftOut
        .map(({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`)
        .join('\n'),
      { hint: 'run `bakery update` for these agents' },
    );
  }
  const plan = planCells(checkout, cells);
  const engine = await opening;
  if (!engine.containerdStore && options.output.to === 'engine') {
    throw new UserError(
      'E_NO_CONTAINERD_STORE',
      `engine ${engine.version} does not use the containerd image store`,
      {
        hint: 'set {"features":{"containerd-snapshotter":true}} in its daemon.json; images for several platforms need it',
      },
    );
  }
  const jobs = options.jobs ?? checkout.settings.jobs;
  const run = options.now.toISOString().replaceAll(':', '-');
  const kitchen: Kitchen = {
    ...options,
    checkout,
    engine,
    memory: openMemory(checkout.own, engine.id),
    // A layer waits for the network more than it computes; a test computes.
    builds: jobs ?? Math.max(8, 2 * engine.cpus),
    tests: jobs ?? Math.max(2, engine.cpus),
    logs: join(checkout.own, '.bakery', 'logs', run),
  };
  const baked = options.build ? await bake(plan, kitchen) : await alreadyBaked(plan, kitchen);
  const subjects = plan.images.flatMap((image, at): Subject[] => {
    const cell = cells[at];
    return cell === undefined ? [] : [{ image, agent: cell.agent, runtime: cell.runtime }];
  });
  const tested = options.test ? await testAll(subjects, baked, kitchen) : new Map();
  const images = plan.images.flatMap((image) =>
    image.platforms.map((platform) => reportOf(image, platform, baked, tested, options.output)),
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
