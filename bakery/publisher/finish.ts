/** Takes one staged image through its tests, the gate and its promotion. */

import type { Manifest } from '../registry/manifest.rules.ts';
import type { PublishedImage } from './published.rules.ts';
import type { Move } from './need.rules.ts';
import type { ImageReport } from '../tester/report.rules.ts';
import type { Signing } from './signature.rules.ts';
import type { Step } from './steps.rules.ts';
import type { Display } from '../host/display.ts';
import type { Registry } from '../registry/registry.ts';
import type { Gate } from './gate.ts';
import type { Journal } from './journal.ts';
import { promote } from './promote.ts';
import type { Order } from './publication.rules.ts';
import type { Staged } from './stage.ts';
import type { Trial } from './trial.ts';

export type FinishOptions = {
  readonly staged: Staged;
  /** Undefined if the plan has no tests. */
  readonly trial: Trial | undefined;
  /** Undefined if the plan has no promotions. */
  readonly gate: Gate | undefined;
  /** Collects the report of every test. */
  readonly tests: ImageReport[];
  readonly until: Step;
  readonly acceptUnexecuted: boolean;
  readonly dropPlatforms: boolean;
  readonly signing: Signing | undefined;
  readonly registry: Registry;
  readonly journal: Journal;
  readonly display: Display;
  readonly signal: AbortSignal;
};

type Common = Omit<PublishedImage, 'outcome'>;

/** @returns a function that throws the UserErrors of its trial, gate and promotion, which concern that image alone. */
export function openFinish(options: FinishOptions): (order: Order) => Promise<PublishedImage> {
  const { staged, until } = options;
  return async (order) => {
    const { subject, repository, need, changes } = order;
    const { image } = subject;
    const index = need.step === 'build' ? staged.indexes.get(image.id) : need.index;
    const common: Common = {
      image: `${repository}:${image.runtime}`,
      key: image.key,
      changes,
      ...(index === undefined ? {} : { digest: index.digest }),
      moved: [],
    };
    if (index === undefined) {
      const fault = staged.faults.get(image.id) ?? { outcome: 'failed', why: 'not pushed' };
      return { ...common, ...fault };
    }
    if (until === 'stage')
      return { ...common, outcome: need.step === 'build' ? 'staged' : 'up to date' };
    const fault = await test(order, index, options);
    if (fault !== undefined) return { ...common, outcome: 'failed', why: fault };
    if (until === 'test')
      return { ...common, outcome: need.step === 'nothing' ? 'up to date' : 'tested' };
    return passGate(order, index, common, options);
  };
}

/** @returns the first failure, or undefined if all tests passed. */
async function test(
  order: Order,
  index: Manifest,
  { trial, tests, acceptUnexecuted }: FinishOptions,
): Promise<string | undefined> {
  if (order.tests.length === 0 || trial === undefined) return undefined;
  const reports = await trial.test(order, index, order.tests);
  tests.push(...reports);
  const bad = reports.find(
    (report) => report.test === 'failed' || (report.test === 'not run' && !acceptUnexecuted),
  );
  return bad === undefined ? undefined : `${bad.platform}: ${bad.why ?? bad.test}`;
}

async function passGate(
  order: Order,
  index: Manifest,
  common: Common,
  options: FinishOptions,
): Promise<PublishedImage> {
  const { gate, signing } = options;
  const { need, isPromoted } = order;
  const isSigned = signing !== undefined && need.unsigned !== true;
  if (gate === undefined || !isPromoted)
    return { ...common, outcome: 'up to date', ...(isSigned ? { signed: 'before' } : {}) };
  const passed = await gate.pass(order, index);
  if ('why' in passed) return { ...common, outcome: 'failed', why: passed.why };
  if (need.step === 'sign') return { ...common, ...passed, outcome: 'signed' };
  const moved = await move(order, index, options);
  const unmoved = passed.signed === 'now' ? 'signed' : 'up to date';
  return { ...common, ...passed, outcome: moved.length === 0 ? unmoved : 'promoted', moved };
}

async function move(
  { subject, repository }: Order,
  index: Manifest,
  { registry, journal, signal, display, dropPlatforms: drop }: FinishOptions,
): Promise<Move[]> {
  const name = `promote ${subject.image.id}`;
  display.start(name);
  try {
    const to = { registry, journal, drop, signal };
    const moved = await promote(subject.image, repository, index, to);
    display.end(name, 'done', moved.map(({ tag }) => tag).join(', '));
    return moved;
  } catch (error) {
    display.end(name, 'failed', '');
    throw error;
  }
}
