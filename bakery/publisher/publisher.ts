import pLimit from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Checkout, planCells, selectLocked, subjectsOf } from '../catalogue/checkout.ts';
import type { Attest } from '../builder/attest.rules.ts';
import type { Selection } from '../plan/matrix.rules.ts';
import type { ImageReport } from '../tester/report.rules.ts';
import type { PublishedImage, PublishReport } from './published.rules.ts';
import type { Scanning, ScanReport } from './scan.rules.ts';
import { patienceOf } from '../catalogue/settings.rules.ts';
import type { Signing } from './signature.rules.ts';
import { missingBefore, type Step } from './steps.rules.ts';
import type { Kitchen, KitchenOptions } from '../builder/kitchen.ts';
import { logsOf } from '../catalogue/logs.ts';
import { openRegistry } from '../registry/registry.ts';
import { openFinish } from './finish.ts';
import { openJournal } from './journal.ts';
import { look, type Order } from './look.ts';
import type { Staged } from './stage.ts';

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

/**
 * Brings a registry up to date: builds what it does not have, tests what was not tested, and moves the tags to what
 * passed. Whatever is there already is not done again, on whatever machine it was done.
 * @throws UserError of selectLocked, of the registry where nothing of it can be read, of engine and builder where
 *   something has to be built or tested.
 */
export async function publish(checkout: Checkout, options: PublishOptions): Promise<PublishReport> {
  const started = performance.now();
  const { signal, until } = options;
  const { cells, leftOut } = selectLocked(checkout, options.selection);
  const plan = planCells(checkout, cells);
  const registry = openRegistry(signal, patienceOf(checkout.settings));
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
            origin: await (await import('../plan/find-origin.ts')).findOrigin(checkout),
            attest: options.attest,
          },
          registry,
          kitchen,
        );
  const trial =
    kitchen === undefined ? undefined : (await import('./trial.ts')).openTrial(kitchen, registry);
  const tests: ImageReport[] = [];

  const finish = openFinish({ ...options, staged, trial, gate, tests, registry, journal });
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
}

function failed(reference: string, registry: string, why: string): PublishedImage {
  return {
    image: `${registry}/${reference}`,
    outcome: 'failed',
    why,
    changes: [],
    moved: [],
  };
}

/** An unchanged matrix needs no engine, and does not wait for all that it takes to speak to one. */
async function enterKitchen(checkout: Checkout, options: KitchenOptions): Promise<Kitchen> {
  const { openEngineAndBuilder, openKitchen } = await import('../builder/kitchen.ts');
  return openKitchen(checkout, await openEngineAndBuilder(options.signal), options);
}

/** What failed on the way of one image, which blocks no other one; anything else is for the caller. */
function faultOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted || !(error instanceof UserError)) throw error;
  return error.message;
}
