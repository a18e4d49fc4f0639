import pLimit from 'p-limit';
import { UserError } from '../../ai-run/core/error.ts';
import { type Checkout, planCells, selectLocked, subjectsOf } from '../checkout.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Attest } from '../core/attest.ts';
import type { Selection } from '../core/matrix.ts';
import type { Move } from '../core/publish.ts';
import type { ImageReport } from '../core/report.ts';
import type { PublishedImage, PublishReport } from '../core/published.ts';
import type { Scanning, ScanReport } from '../core/scan.ts';
import type { Signing } from '../core/signature.ts';
import { missingBefore, type Step } from '../core/steps.ts';
import type { Kitchen, KitchenOptions } from '../kitchen.ts';
import { logsOf } from '../logs.ts';
import { openRegistry } from '../registry/client.ts';
import { openJournal } from './journal.ts';
import { look, type Order } from './look.ts';
import { promote } from './promote.ts';
import type { Staged } from './stage.ts';
import type { Trial } from './trial.ts';

export type PublishOptions = KitchenOptions & {
  readonly selection: Selection;
  /** With its namespace: `registry.example.com/ai`. */
  readonly registry: string;
  /** The first step that is taken: what lacks an earlier one fails. */
  readonly from: Step;
  /** The last step that is taken. */
  readonly until: Step;
  /** Promote what this machine cannot execute on some platform, on the word of its static checks. */
  readonly acceptUnexecuted: boolean;
  /** Let a tag lose a platform. */
  readonly dropPlatforms: boolean;
  /** How what is promoted is signed; undefined where it is not. */
  readonly signing: Signing | undefined;
  /** What scans it before; undefined where nothing does. */
  readonly scanning: Scanning | undefined;
  readonly attest: Attest;
  /** File for what was moved. */
  readonly journal: string;
};

/** Tests are bounded for themselves; this bounds what is asked of the registry. */
const imagesAtATime = 16;

const nothingStaged: Staged = { results: [], reused: [], indexes: new Map(), faults: new Map() };

/** An unchanged matrix needs no engine, and does not wait for all that it takes to speak to one. */
const enterKitchen = async (checkout: Checkout, options: KitchenOptions): Promise<Kitchen> => {
  const { openEngineAndBuilder, openKitchen } = await import('../kitchen.ts');
  return openKitchen(checkout, await openEngineAndBuilder(options.signal), options);
};

/** What failed on the way of one image, which blocks no other one; anything else is for the caller. */
const faultOf = (error: unknown, signal: AbortSignal): string => {
  if (signal.aborted || !(error instanceof UserError)) throw error;
  return error.message;
};

/**
 * Brings a registry up to date: builds what it does not have, tests what was not tested, and moves the tags to what
 * passed. Whatever is there already is not done again, on whatever machine it was done.
 * @throws UserError of selectLocked, of the registry where nothing of it can be read, of engine and builder where
 *   something has to be built or tested.
 */
export const publish = async (
  checkout: Checkout,
  options: PublishOptions,
): Promise<PublishReport> => {
  const started = performance.now();
  const { signal, display, until } = options;
  const { cells, leftOut } = selectLocked(checkout, options.selection);
  const plan = planCells(checkout, cells);
  const registry = openRegistry(signal);
  const { orders: found, unseen } = await look(
    registry,
    options.registry,
    subjectsOf(plan, cells),
    checkout.catalogue.runtimes,
    options.force,
    options.signing,
  );
  const orders: Order[] = [];
  const tooEarly: PublishedImage[] = [];
  for (const order of found) {
    const why = missingBefore(options.from, order.need);
    if (why === undefined) orders.push(order);
    else tooEarly.push(failed(order.subject.image.reference, options.registry, why));
  }
  const journal = openJournal(options.journal, options.registry, () => new Date());
  const scans: ScanReport[] = [];
  const isDone = orders.every(({ need }) => need.step === 'nothing');
  const gate =
    until !== 'promote' || isDone
      ? undefined
      : await (
          await import('./gate.ts')
        ).openGate({
          ...options,
          registry,
          journal,
          scans,
          reports: logsOf(checkout, options.now),
        });
  const toBuild = orders.filter(({ need }) => need.step === 'build');
  const toTest = orders.filter(({ need }) => need.step === 'build' || need.step === 'test');
  const usesEngine = toBuild.length > 0 || (until !== 'stage' && toTest.length > 0);
  const kitchen = usesEngine ? await enterKitchen(checkout, options) : undefined;
  const staged =
    kitchen === undefined || toBuild.length === 0
      ? nothingStaged
      : await (
          await import('./stage.ts')
        ).stage(
          plan,
          toBuild.map(({ subject }) => subject.image),
          {
            to: 'registry',
            registry: options.registry,
            created: options.now.toISOString(),
            origin: await (await import('../origin.ts')).findOrigin(checkout),
            attest: options.attest,
          },
          registry,
          kitchen,
        );
  const trial =
    kitchen === undefined ? undefined : (await import('./trial.ts')).openTrial(kitchen, registry);
  const tests: ImageReport[] = [];

  const finish = async (order: Order): Promise<PublishedImage> => {
    const { subject, repository, need, changes } = order;
    const { image } = subject;
    const index = need.step === 'build' ? staged.indexes.get(image.id) : need.index;
    const common = {
      image: `${repository}:${image.runtime}`,
      key: image.key,
      changes,
      ...(index === undefined ? {} : { digest: index.digest }),
      moved: [] as readonly Move[],
    };
    if (index === undefined) {
      const fault = staged.faults.get(image.id) ?? { outcome: 'failed', why: 'not pushed' };
      return { ...common, ...fault };
    }
    if (until === 'stage')
      return { ...common, outcome: need.step === 'build' ? 'staged' : 'up to date' };
    const fault = await testIndex(order, index, trial, tests, options.acceptUnexecuted);
    if (fault !== undefined) return { ...common, outcome: 'failed', why: fault };
    if (until === 'test')
      return { ...common, outcome: need.step === 'nothing' ? 'up to date' : 'tested' };
    const isSigned = options.signing !== undefined && need.unsigned !== true;
    if (gate === undefined || need.step === 'nothing')
      return { ...common, outcome: 'up to date', ...(isSigned ? { signed: 'before' } : {}) };
    const passed = await gate.pass(order, index);
    if ('why' in passed) return { ...common, outcome: 'failed', why: passed.why };
    if (need.step === 'sign') return { ...common, ...passed, outcome: 'signed' };
    const name = `promote ${image.id}`;
    display.start(name);
    const moved = await promote(image, repository, index, {
      registry,
      journal,
      drop: options.dropPlatforms,
      signal,
    }).catch((error: unknown) => {
      display.end(name, 'failed', '');
      throw error;
    });
    display.end(name, 'done', moved.map(({ tag }) => tag).join(', '));
    const unmoved = passed.signed === 'now' ? 'signed' : 'up to date';
    return { ...common, ...passed, outcome: moved.length === 0 ? unmoved : 'promoted', moved };
  };

  const limit = pLimit(imagesAtATime);
  // All have ended before what they left is removed.
  const outcomes = await Promise.allSettled(orders.map((order) => limit(() => finish(order))));
  await trial?.close();
  const images = outcomes.map((outcome, at): PublishedImage => {
    if (outcome.status === 'fulfilled') return outcome.value;
    const why = faultOf(outcome.reason, signal);
    return failed(orders[at]?.subject.image.reference ?? '', options.registry, why);
  });
  images.push(
    ...tooEarly,
    ...unseen.map(({ subject, error }) =>
      failed(subject.image.reference, options.registry, error.message),
    ),
  );
  return {
    registry: options.registry,
    layers: staged.results,
    layersFromRegistry: staged.reused,
    images,
    tests,
    ...(scans.length === 0 ? {} : { scans }),
    leftOut,
    ...(journal.isEmpty() ? {} : { journal: journal.path }),
    milliseconds: performance.now() - started,
    ok: images.every(({ outcome }) => outcome !== 'failed' && outcome !== 'blocked'),
  };
};

const failed = (reference: string, registry: string, why: string): PublishedImage => ({
  image: `${registry}/${reference}`,
  outcome: 'failed',
  why,
  changes: [],
  moved: [],
});

/** @returns what is wrong with it, or nothing. */
const testIndex = async (
  order: Order,
  index: Manifest,
  trial: Trial | undefined,
  tests: ImageReport[],
  acceptUnexecuted: boolean,
): Promise<string | undefined> => {
  const { subject, need } = order;
  const untested = need.step === 'build' ? subject.image.platforms : need.untested;
  if (untested.length === 0 || trial === undefined) return undefined;
  const reports = await trial.test(order, index, untested);
  tests.push(...reports);
  const bad = reports.find(
    ({ test }) => test === 'failed' || (test === 'not run' && !acceptUnexecuted),
  );
  return bad === undefined ? undefined : `${bad.platform}: ${bad.why ?? bad.test}`;
};
