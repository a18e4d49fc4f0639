import { join } from 'node:path';
import { UserError } from '../../ai-run/core/error.ts';
import { type Checkout, openCheckout, planCells, selectLocked, subjectsOf } from '../checkout.ts';
import { attestOf } from '../core/attest.ts';
import { junit } from '../core/report.ts';
import type { PublishedImage, PublishReport } from '../core/published.ts';
import { writesOf } from '../core/publish.ts';
import { openDisplay } from '../display.ts';
import { writeAtomic } from '../files.ts';
import { look } from '../publish/look.ts';
import { publish as publishTo, type PublishOptions } from '../publish/publish.ts';
import { openRegistry } from '../registry/client.ts';
import { duration, paint, table } from '../report.ts';
import { describeFaults } from './faults.ts';
import {
  type CommonFlags,
  print,
  printJson,
  registryOf,
  type SelectionFlags,
  selectionOf,
} from './flags.ts';

export type PublishFlags = {
  readonly registry: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly until?: string;
  readonly acceptUnexecuted?: boolean;
  readonly dropPlatforms?: boolean;
  readonly provenance?: string;
  readonly sbom?: string;
  readonly journal?: string;
  readonly jobs?: number;
  readonly junit?: string;
  readonly quiet?: boolean;
};

type Flags = CommonFlags & SelectionFlags & PublishFlags;

const color = (outcome: PublishedImage['outcome']): string =>
  paint(outcome === 'failed' || outcome === 'blocked' ? 'red' : 'green', outcome);

const describe = (report: PublishReport): string => {
  const rows = report.images.map(({ image, outcome, digest = '', why, changes, moved }) => [
    image,
    color(outcome),
    digest.slice(0, 'sha256:'.length + 12),
    moved.map(({ tag }) => tag).join(' '),
    (why ?? changes.join('; ')).split('\n')[0] ?? '',
  ]);
  const count = (...outcomes: PublishedImage['outcome'][]): number =>
    report.images.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const told = (['promoted', 'tested', 'staged', 'up to date'] as const)
    .map((outcome) => [count(outcome), outcome] as const)
    .filter(([number]) => number > 0)
    .map(([number, outcome]) => `${number} ${outcome}, `);
  return [
    table(['IMAGE', 'OUTCOME', 'DIGEST', 'TAGS MOVED', 'WHY'], rows),
    ...report.leftOut.map(
      ({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`,
    ),
    ...describeFaults(report.layers, report.tests),
    ...(report.journal === undefined ? [] : [`journal: ${report.journal}`]),
    `${told.join('')}${count('failed', 'blocked')} failed, in ${duration(report.milliseconds)}`,
  ].join('\n');
};

/** What publishing would do, from what the registry has: nothing is built and nothing written. */
const rehearse = async (checkout: Checkout, flags: Flags, where: string): Promise<number> => {
  const { cells, leftOut } = selectLocked(checkout, selectionOf(flags));
  const subjects = subjectsOf(planCells(checkout, cells), cells);
  const { orders, unseen } = await look(
    openRegistry(flags.signal),
    where,
    subjects,
    checkout.catalogue.runtimes,
    flags.force,
  );
  const images = orders.map(({ subject: { image }, repository, need, held, testKey, changes }) => ({
    image: `${repository}:${image.runtime}`,
    step: need.step,
    changes,
    writes: writesOf(image, need, testKey, held.tags).map((tag) => `${repository}:${tag}`),
  }));
  const errors = unseen.map(({ error }) => error.message);
  if (flags.json === true) printJson({ registry: where, images, errors, leftOut });
  else {
    const writes = images.flatMap((one) => one.writes);
    print(
      [
        table(
          ['IMAGE', 'NEXT STEP', 'WHY'],
          images.map(({ image, step, changes }) => [image, step, changes.join('; ')]),
        ),
        '',
        ...writes.map((reference) => `write ${reference}`),
        ...errors,
        `${writes.length} tags would be written, after their tests; nothing was done`,
      ].join('\n'),
    );
  }
  return errors.length === 0 ? 0 : 1;
};

const untilOf = (text = 'promote'): PublishOptions['until'] => {
  if (text === 'stage' || text === 'test' || text === 'promote') return text;
  throw new UserError('E_USAGE', `--until: there is no step ${JSON.stringify(text)}`, {
    hint: 'there are: stage, test, promote',
  });
};

export const publish = async (flags: Flags): Promise<number> => {
  const registry = registryOf(flags.registry);
  const until = untilOf(flags.until);
  const checkout = await openCheckout(flags.root);
  const attest = attestOf(flags, checkout.settings);
  if (flags.dryRun === true) return rehearse(checkout, flags, registry);
  const now = new Date();
  const name = `${now.toISOString().replaceAll(':', '-')}.json`;
  const display = openDisplay(flags.quiet === true ? 'none' : 'auto');
  let report: PublishReport;
  try {
    report = await publishTo(checkout, {
      selection: selectionOf(flags),
      registry,
      until,
      force: flags.force === true,
      acceptUnexecuted: flags.acceptUnexecuted === true,
      dropPlatforms: flags.dropPlatforms === true,
      attest,
      journal: flags.journal ?? join(checkout.own, '.bakery', 'journal', name),
      jobs: flags.jobs,
      display,
      signal: flags.signal,
      now,
    });
  } finally {
    display.close();
  }
  if (flags.junit !== undefined) await writeAtomic(flags.junit, junit(report.tests));
  if (flags.json === true) printJson(report);
  else print(describe(report));
  return report.ok ? 0 : 1;
};
