import { join } from 'node:path';
import pLimit from 'p-limit';
import { UserError } from '../ai-run/core/error.ts';
import { type Platform, platformOfMachine } from '../ai-run/core/platform.ts';
import { buildImages, buildLayers, type BuildResult } from './build.ts';
import { openBuilder } from './builder.ts';
import { buildInputs, type Checkout, planCells } from './checkout.ts';
import { type Output, tagOf } from './core/bake.ts';
import type { TestResult } from './core/check.ts';
import { select, type Selection } from './core/matrix.ts';
import type { Image } from './core/plan.ts';
import { type BuildReport, firstFault, type ImageReport, verdict } from './core/report.ts';
import type { Display } from './display.ts';
import { type Engine, type LocalImage, localImages, openEngine } from './engine.ts';
import { type Memory, openMemory } from './memory.ts';
import { openSmoke, type Subject } from './smoke.ts';

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

/** What is built where, and what came of it so far. */
type Kitchen = {
  readonly checkout: Checkout;
  readonly engine: Engine;
  readonly memory: Memory;
  readonly options: MakeOptions;
  readonly jobs: number;
};

type Baked = {
  readonly results: readonly BuildResult[];
  /** Why an image does not exist for a platform, by `image platform`. */
  readonly blocked: ReadonlyMap<string, string>;
  readonly upToDate: ReadonlySet<Image>;
};

const cellName = (image: Image, platform: Platform): string => `${image.reference} ${platform}`;

const isUpToDate = (image: Image, local: readonly LocalImage[]): boolean =>
  local.some(
    ({ reference, key, platforms }) =>
      reference === image.reference &&
      key === image.key &&
      image.platforms.every((platform) => platforms.includes(platform)),
  );

const pending = async <T>(all: readonly T[], done: (one: T) => Promise<boolean>): Promise<T[]> => {
  const states = await Promise.all(all.map(done));
  return all.filter((_, at) => states[at] === false);
};

/** Both waves. Images whose layers failed are left out, for the platforms they failed on. */
const bake = async (
  images: readonly Image[],
  plan: ReturnType<typeof planCells>,
  kitchen: Kitchen,
): Promise<Baked> => {
  const { checkout, engine, memory, options, jobs } = kitchen;
  const local = options.output.to === 'engine' && !options.force ? await localImages(engine) : [];
  const upToDate = new Set(images.filter((image) => isUpToDate(image, local)));
  const stale = images.filter((image) => !upToDate.has(image));
  if (stale.length === 0) return { results: [], blocked: new Map(), upToDate };
  const context = {
    root: checkout.root,
    inputs: buildInputs(checkout),
    display: options.display,
    signal: options.signal,
    logs: join(checkout.root, '.bakery', 'logs', options.now.toISOString().replaceAll(':', '-')),
    jobs,
  };
  const needed = plan.layers.filter(({ id }) => stale.some(({ layers }) => layers.includes(id)));
  const layers = options.force ? needed : await pending(needed, ({ key }) => memory.wasBuilt(key));
  const results = await buildLayers(layers, context);
  for (const [at, layer] of layers.entries()) {
    if (results[at]?.ok === true) await memory.built(layer.key);
  }
  const failed = layers.filter((_, at) => results[at]?.ok === false);
  const blocked = new Map<string, string>();
  const survivors = stale.flatMap((image): Image[] => {
    for (const layer of failed) {
      if (image.layers.includes(layer.id))
        blocked.set(cellName(image, layer.platform), `${layer.id} failed`);
    }
    const platforms = image.platforms.filter((platform) => !blocked.has(cellName(image, platform)));
    return platforms.length === 0 ? [] : [{ ...image, platforms }];
  });
  if (survivors.length === 0) return { results, blocked, upToDate };
  const wave = await buildImages(survivors, options.output, context);
  if (!wave.ok) {
    for (const image of survivors) {
      for (const platform of image.platforms)
        blocked.set(cellName(image, platform), 'the images failed');
    }
  }
  return { results: [...results, wave], blocked, upToDate };
};

/** What the engine has, as it is. */
const alreadyBaked = async (images: readonly Image[], engine: Engine): Promise<Baked> => {
  const local = await localImages(engine);
  const blocked = new Map<string, string>();
  for (const image of images) {
    const found = local.find(({ reference }) => reference === image.reference);
    for (const platform of image.platforms) {
      if (found?.platforms.includes(platform) !== true) {
        blocked.set(cellName(image, platform), 'the engine does not have it: run `bakery build`');
      }
    }
  }
  return { results: [], blocked, upToDate: new Set(images) };
};

/** Results by `image platform`. */
type Tested = ReadonlyMap<string, readonly TestResult[]>;

/** Tests every image that exists; what passed the same tests before is not tested again. */
const testAll = async (
  subjects: readonly Subject[],
  baked: Baked,
  { checkout, engine, memory, options, jobs }: Kitchen,
): Promise<Tested> => {
  const native = platformOfMachine(process.arch) ?? 'linux/amd64';
  const smoke = openSmoke(engine, memory, checkout.catalogue.runtimes, native, options.signal);
  const limit = pLimit(jobs);
  const tested = new Map<string, readonly TestResult[]>();
  const testOne = async (subject: Subject, platform: Platform): Promise<void> => {
    const name = cellName(subject.image, platform);
    const known = options.force ? undefined : await memory.results(smoke.key(subject), platform);
    if (known !== undefined && verdict(known) === 'passed' && baked.upToDate.has(subject.image)) {
      tested.set(name, known);
      return;
    }
    options.display.start(`test ${name}`);
    const results = await smoke.test(subject, platform);
    await memory.tested(smoke.key(subject), platform, results);
    tested.set(name, results);
    const outcome = verdict(results);
    options.display.end(
      `test ${name}`,
      outcome === 'failed' ? 'failed' : 'done',
      firstFault(results) ?? '',
    );
  };
  // Every test has ended before what they left is removed: a container of one that is still starting would stay.
  const outcomes = await Promise.allSettled(
    subjects.flatMap((subject) =>
      subject.image.platforms
        .filter((platform) => !baked.blocked.has(cellName(subject.image, platform)))
        .map((platform) => limit(() => testOne(subject, platform))),
    ),
  );
  await smoke.close();
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return tested;
};

const reportOf = (
  image: Image,
  platform: Platform,
  baked: Baked,
  tested: Tested,
  options: MakeOptions,
): ImageReport => {
  const name = cellName(image, platform);
  const common = { image: tagOf(image, options.output), platform, key: image.key };
  const blocked = baked.blocked.get(name);
  if (blocked !== undefined) {
    return {
      ...common,
      build: blocked.endsWith('images failed') ? 'failed' : 'blocked',
      test: 'not run',
      why: blocked,
      results: [],
    };
  }
  const build = baked.upToDate.has(image) ? 'up to date' : 'built';
  const results = tested.get(name);
  if (results === undefined)
    return { ...common, build, test: 'not run', why: 'not asked to test', results: [] };
  const why = firstFault(results);
  return {
    ...common,
    build,
    test: verdict(results),
    ...(why === undefined ? {} : { why }),
    results,
  };
};

/**
 * Plans, builds what is not up to date, and tests it.
 * @throws UserError E_NOTHING_TO_BAKE when the selection holds no locked agent, and all that engine and builder say.
 */
export const make = async (checkout: Checkout, options: MakeOptions): Promise<BuildReport> => {
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
  const engine = await openEngine(options.signal);
  await openBuilder(options.signal);
  if (!engine.containerdStore && options.output.to === 'engine') {
    throw new UserError(
      'E_NO_CONTAINERD_STORE',
      `engine ${engine.version} does not use the containerd image store`,
      {
        hint: 'set {"features":{"containerd-snapshotter":true}} in its daemon.json; images for several platforms need it',
      },
    );
  }
  const kitchen: Kitchen = {
    checkout,
    engine,
    memory: openMemory(checkout.root, engine.id),
    options,
    jobs: options.jobs ?? checkout.settings.jobs ?? Math.max(2, engine.cpus),
  };
  const baked = options.build
    ? await bake(plan.images, plan, kitchen)
    : await alreadyBaked(plan.images, engine);
  const subjects = plan.images.flatMap((image, at): Subject[] => {
    const cell = cells[at];
    return cell === undefined ? [] : [{ image, agent: cell.agent, runtime: cell.runtime }];
  });
  const tested = options.test ? await testAll(subjects, baked, kitchen) : new Map();
  const images = plan.images.flatMap((image) =>
    image.platforms.map((platform) => reportOf(image, platform, baked, tested, options)),
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
