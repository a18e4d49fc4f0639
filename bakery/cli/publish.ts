import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import {
  type Checkout,
  openCheckout,
  planCells,
  selectLocked,
  subjectsOf,
} from '../catalogue/checkout.ts';
import { attestOf } from '../builder/attest.rules.ts';
import { layersFor } from '../plan/plan.rules.ts';
import { junit } from '../tester/report.rules.ts';
import type { PublishedImage, PublishReport } from '../publisher/published.rules.ts';
import { writesOf } from '../publisher/need.rules.ts';
import { steps } from '../publisher/steps.rules.ts';
import { openDisplay } from '../host/display.ts';
import { writeAtomic } from '../host/write.ts';
import { missingLayers } from '../publisher/layers.ts';
import { look } from '../publisher/look.ts';
import { readScanning } from '../publisher/scan-flags.ts';
import { readSigning } from '../publisher/read-signatures.ts';
import { publish as publishTo } from '../publisher/publisher.ts';
import { openRegistry } from '../registry/registry.ts';
import { duration, paint, table } from '../host/format.ts';
import { describeFaults } from './faults.ts';
import {
  type CommonFlags,
  jsonOf,
  print,
  printJson,
  registryOf,
  type SelectionFlags,
  selectionOf,
  stepOf,
} from './flags.ts';

export type PublishFlags = {
  readonly registry: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly from?: string;
  readonly until?: string;
  readonly acceptUnexecuted?: boolean;
  readonly dropPlatforms?: boolean;
  readonly sign?: string | false;
  readonly publicKey?: string;
  readonly scan?: string | false;
  readonly failOn?: string;
  readonly provenance?: string;
  readonly sbom?: string;
  readonly journal?: string;
  readonly jobs?: number;
  readonly junit?: string;
  readonly report?: string;
  readonly quiet?: boolean;
};

type Flags = CommonFlags & SelectionFlags & PublishFlags;

export async function publish(flags: Flags): Promise<number> {
  const registry = registryOf(flags.registry);
  const from = stepOf('--from', flags.from, 'stage');
  const until = stepOf('--until', flags.until, 'promote');
  if (steps.indexOf(from) > steps.indexOf(until)) {
    throw new UserError('E_USAGE', `--from ${from} comes after --until ${until}`, {
      hint: `the steps are, in this order: ${steps.join(', ')}`,
    });
  }
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
      from,
      until,
      force: flags.force === true,
      acceptUnexecuted: flags.acceptUnexecuted === true,
      dropPlatforms: flags.dropPlatforms === true,
      signing: readSigning(checkout, flags),
      scanning: readScanning(checkout, flags),
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
  if (flags.report !== undefined) await writeAtomic(flags.report, jsonOf(report));
  if (flags.json === true) printJson(report);
  else print(describe(report));
  return report.ok ? 0 : 1;
}

/** What publishing would do, from what the registry has: nothing is built and nothing written. */
async function rehearse(checkout: Checkout, flags: Flags, where: string): Promise<number> {
  const scanning = readScanning(checkout, flags);
  const { cells, leftOut } = selectLocked(checkout, selectionOf(flags));
  const plan = planCells(checkout, cells);
  const subjects = subjectsOf(plan, cells);
  const registry = openRegistry(flags.signal);
  const { orders, unseen } = await look(
    registry,
    where,
    subjects,
    checkout.catalogue.runtimes,
    flags.force,
    readSigning(checkout, flags),
  );
  const toBuild = orders.filter(({ need }) => need.step === 'build');
  const missing = await missingLayers(
    layersFor(
      plan,
      toBuild.map(({ subject }) => subject.image),
    ),
    where,
    registry,
    flags.force === true,
  );
  const layers = missing.map(({ reference }) => reference);
  const images = orders.map(({ subject: { image }, repository, need, held, testKey, changes }) => ({
    image: `${repository}:${image.runtime}`,
    step: need.step,
    changes,
    writes: writesOf(image, need, testKey, held.tags).map((tag) => `${repository}:${tag}`),
  }));
  const errors = unseen.map(({ error }) => error.message);
  if (flags.json === true) printJson({ registry: where, layers, images, errors, leftOut });
  else {
    const writes = [...layers, ...images.flatMap((one) => one.writes)];
    print(
      [
        table(
          ['IMAGE', 'NEXT STEP', 'WHY'],
          images.map(({ image, step, changes }) => [image, step, changes.join('; ')]),
        ),
        '',
        ...writes.map((reference) => `write ${reference}`),
        ...errors,
        `${writes.length} tags would be written, after their tests${scanning === undefined ? '' : ` and a scan by ${scanning.with}`}; nothing was done`,
      ].join('\n'),
    );
  }
  return errors.length === 0 ? 0 : 1;
}

function describe(report: PublishReport): string {
  const isSigned = report.images.some(({ signed }) => signed !== undefined);
  const rows = report.images.map(({ image, outcome, digest = '', why, changes, moved, signed }) => [
    image,
    color(outcome),
    digest.slice(0, 'sha256:'.length + 12),
    ...(isSigned ? [signed ?? ''] : []),
    moved.map(({ tag }) => tag).join(' '),
    (why ?? changes.join('; ')).split('\n')[0] ?? '',
  ]);
  const count = (...outcomes: PublishedImage['outcome'][]): number =>
    report.images.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const told = (['promoted', 'signed', 'tested', 'staged', 'up to date'] as const)
    .map((outcome) => [count(outcome), outcome] as const)
    .filter(([number]) => number > 0)
    .map(([number, outcome]) => `${number} ${outcome}, `);
  return [
    table(
      ['IMAGE', 'OUTCOME', 'DIGEST', ...(isSigned ? ['SIGNED'] : []), 'TAGS MOVED', 'WHY'],
      rows,
    ),
    ...report.leftOut.map(
      ({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`,
    ),
    ...describeFaults(report.layers, report.tests),
    ...(report.layersFromRegistry.length === 0
      ? []
      : [`${report.layersFromRegistry.length} layers from the registry`]),
    ...(report.scans ?? []).flatMap(({ outcome, image, platform, report: file }) =>
      outcome === 'passed' || file === undefined ? [] : [`${image} ${platform}: ${file}`],
    ),
    ...(report.journal === undefined ? [] : [`journal: ${report.journal}`]),
    `${told.join('')}${count('failed', 'blocked')} failed, in ${duration(report.milliseconds)}`,
  ].join('\n');
}

function color(outcome: PublishedImage['outcome']): string {
  return paint(outcome === 'failed' || outcome === 'blocked' ? 'red' : 'green', outcome);
}
