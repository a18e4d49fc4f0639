/** Brings a registry up to date: plans a publication and carries it out. */

import pLimit from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Checkout } from '../catalogue/checkout.ts';
import type { ImageReport } from '../tester/report.rules.ts';
import type { PublishedImage, PublishReport } from './published.rules.ts';
import type { ScanReport } from './scan.rules.ts';
import type { Environment, EnvironmentOptions } from '../builder/environment.ts';
import { logsOf } from '../catalogue/logs.ts';
import type { Registry } from '../registry/registry.ts';
import { openFinish } from './finish.ts';
import type { Gate } from './gate.ts';
import { type Journal, openJournal } from './journal.ts';
import type { Order, PublicationPlan } from './publication.rules.ts';
import type { Staged } from './stage.ts';

type PublishOptions = EnvironmentOptions & {
  /** Promote images that this machine cannot execute on some platform, if their static checks pass. */
  readonly acceptUnexecuted: boolean;
  /** File that records the tags that were moved. */
  readonly journal: string;
};

type Tools = {
  readonly checkout: Checkout;
  readonly registry: Registry;
  readonly options: PublishOptions;
};

/** Tests have their own limit; this one bounds the requests to the registry. */
const imagesAtATime = 16;

const nothingStaged: Staged = { results: [], reused: [], indexes: new Map(), faults: new Map() };

/**
 * Builds, tests and promotes what a plan contains.
 * @throws UserError of engine and builder if something has to be built or tested, of the gate if something is promoted.
 */
export async function publish(
  publication: PublicationPlan,
  tools: Tools,
): Promise<Omit<PublishReport, 'leftOut' | 'milliseconds'>> {
  const { registry, options } = tools;
  const { request } = publication;
  const journal = openJournal(options.journal, request.registry, () => new Date());
  const scans: ScanReport[] = [];
  const tests: ImageReport[] = [];
  const gate = await enterGate(publication, journal, scans, tools);
  const environment = await enterEnvironment(publication, tools);
  const staged = await stageWith(publication, environment, tools);
  const trial =
    environment === undefined
      ? undefined
      : (await import('./trial.ts')).openTrial(environment, registry);
  const finish = openFinish({
    ...options,
    ...request,
    staged,
    trial,
    gate,
    tests,
    registry,
    journal,
  });
  const finished = await finishAll(publication.orders, finish, options.signal, () =>
    trial?.close(),
  );
  const images = [...finished, ...leftBehind(publication)];
  return {
    registry: request.registry,
    layers: staged.results,
    layersFromRegistry: staged.reused,
    images,
    tests,
    ...(scans.length === 0 ? {} : { scans }),
    ...(journal.isEmpty() ? {} : { journal: journal.path }),
    ok: images.every(({ outcome }) => outcome !== 'failed' && outcome !== 'blocked'),
  };
}

/** Opened first, so that a missing scanner or key is reported before hours of building. */
async function enterGate(
  { request, promotions }: PublicationPlan,
  journal: Journal,
  scans: ScanReport[],
  { checkout, registry, options }: Tools,
): Promise<Gate | undefined> {
  if (promotions.length === 0) return undefined;
  const { openGate } = await import('./gate.ts');
  const { signing, scanning } = request;
  const { display, signal, now } = options;
  const reports = logsOf(checkout, now);
  return openGate({ signing, scanning, registry, journal, scans, reports, display, signal });
}

/** Returns undefined if the plan needs no engine; then nothing that speaks to one is loaded. */
async function enterEnvironment(
  { compositions, tests }: PublicationPlan,
  { checkout, options }: Tools,
): Promise<Environment | undefined> {
  if (compositions.length === 0 && tests.length === 0) return undefined;
  const { openEngineAndInstance, openEnvironment } = await import('../builder/environment.ts');
  return openEnvironment(checkout, await openEngineAndInstance(options.signal), options);
}

async function stageWith(
  publication: PublicationPlan,
  environment: Environment | undefined,
  { checkout, registry, options }: Tools,
): Promise<Staged> {
  if (environment === undefined || publication.compositions.length === 0) return nothingStaged;
  const { stage } = await import('./stage.ts');
  const { findOrigin } = await import('../plan/find-origin.ts');
  const output = { created: options.now.toISOString(), origin: await findOrigin(checkout) };
  return stage(publication, output, registry, environment);
}

/** Finishes every order, even if others fail. */
async function finishAll(
  orders: readonly Order[],
  finish: (order: Order) => Promise<PublishedImage>,
  signal: AbortSignal,
  close: () => Promise<void> | undefined,
): Promise<PublishedImage[]> {
  const limit = pLimit(imagesAtATime);
  const guarded = async (order: Order): Promise<PublishedImage> => {
    try {
      return await limit(() => finish(order));
    } catch (error) {
      // An image's own error fails that image alone.
      if (signal.aborted || !(error instanceof UserError)) throw error;
      return failed(order, error.message);
    }
  };
  // All orders end before the images that they use are removed.
  const outcomes = await Promise.allSettled(orders.map(guarded));
  await close();
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** The images that the plan could not take up. */
function leftBehind({ request, tooEarly, unseen }: PublicationPlan): PublishedImage[] {
  return [
    ...tooEarly.map(({ order, why }) => failed(order, why)),
    ...unseen.map(({ subject, error }) =>
      failedImage(`${request.registry}/${subject.image.reference}`, error.message),
    ),
  ];
}

function failed({ repository, subject }: Order, why: string): PublishedImage {
  return failedImage(`${repository}:${subject.image.runtime}`, why);
}

function failedImage(image: string, why: string): PublishedImage {
  return { image, outcome: 'failed', why, changes: [], moved: [] };
}
