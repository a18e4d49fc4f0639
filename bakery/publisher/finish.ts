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
import type { Order } from './look.ts';
import { promote } from './promote.ts';
import type { Staged } from './stage.ts';
import type { Trial } from './trial.ts';

export type FinishOptions = {
  readonly staged: Staged;
  /** Undefined where nothing has to be tested. */
  readonly trial: Trial | undefined;
  /** Undefined where nothing is promoted. */
  readonly gate: Gate | undefined;
  /** Every test is noted here. */
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

/**
 * What one image goes through once it is staged: test, gate, promote.
 * @returns a function that throws the UserErrors of its trial, gate and promotion, which are that image's alone.
 */
export function openFinish(options: FinishOptions): (order: Order) => Promise<PublishedImage> {
  const { staged, trial, gate, tests, until, signing, display } = options;

  /** @returns what is wrong with it, or nothing. */
  const test = async (order: Order, index: Manifest): Promise<string | undefined> => {
    const { subject, need } = order;
    const untested = need.step === 'build' ? subject.image.platforms : need.untested;
    if (untested.length === 0 || trial === undefined) return undefined;
    const reports = await trial.test(order, index, untested);
    tests.push(...reports);
    const bad = reports.find(
      (report) =>
        report.test === 'failed' || (report.test === 'not run' && !options.acceptUnexecuted),
    );
    return bad === undefined ? undefined : `${bad.platform}: ${bad.why ?? bad.test}`;
  };

  const move = async ({ subject, repository }: Order, index: Manifest): Promise<Move[]> => {
    const { registry, journal, signal, dropPlatforms: drop } = options;
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
  };

  return async (order) => {
    const { subject, repository, need, changes } = order;
    const { image } = subject;
    const index = need.step === 'build' ? staged.indexes.get(image.id) : need.index;
    const common = {
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
    const fault = await test(order, index);
    if (fault !== undefined) return { ...common, outcome: 'failed', why: fault };
    if (until === 'test')
      return { ...common, outcome: need.step === 'nothing' ? 'up to date' : 'tested' };
    const isSigned = signing !== undefined && need.unsigned !== true;
    if (gate === undefined || need.step === 'nothing')
      return { ...common, outcome: 'up to date', ...(isSigned ? { signed: 'before' } : {}) };
    const passed = await gate.pass(order, index);
    if ('why' in passed) return { ...common, outcome: 'failed', why: passed.why };
    if (need.step === 'sign') return { ...common, ...passed, outcome: 'signed' };
    const moved = await move(order, index);
    const unmoved = passed.signed === 'now' ? 'signed' : 'up to date';
    return { ...common, ...passed, outcome: moved.length === 0 ? unmoved : 'promoted', moved };
  };
}
