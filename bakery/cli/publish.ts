/** The verb `publish`: carries out a publication, or with --dry-run prints its plan. */

import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Checkout, planCells, selectLocked } from '../catalogue/checkout.ts';
import { attestOf } from '../builder/attest.rules.ts';
import type { LeftOut } from '../plan/matrix.rules.ts';
import { junit } from '../tester/report.rules.ts';
import type { PublishedImage, PublishReport } from '../publisher/published.rules.ts';
import { includes, steps } from '../publisher/steps.rules.ts';
import { openDisplay } from '../host/display.ts';
import { writeAtomic } from '../host/write.ts';
import { readPublication } from '../publisher/look.ts';
import { readScanning } from '../publisher/scan-flags.ts';
import { readSigning } from '../publisher/read-signatures.ts';
import type { PublicationPlan, PublicationRequest } from '../publisher/publication.rules.ts';
import { publish as publishTo } from '../publisher/publisher.ts';
import { duration, paint, table } from '../host/format.ts';
import { describePublication, publicationJson } from './dry-run.ts';
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
import type { VerbFlags } from './verb-flags.rules.ts';
import { type Machine, openMachine } from './machine.ts';

type Flags = CommonFlags & SelectionFlags & VerbFlags<'publish'>;

export async function publish(flags: Flags): Promise<number> {
  const started = performance.now();
  const order = orderOf(flags);
  const machine = await openMachine(flags);
  const { checkout, registry } = machine;
  const request = requestOf(flags, order, checkout);
  const { cells, leftOut } = selectLocked(checkout, selectionOf(flags));
  const plan = planCells(checkout, cells);
  const { runtimes } = checkout.catalogue;
  const publication = await readPublication(plan, runtimes, registry, request);
  return flags.dryRun === true
    ? show(publication, leftOut, flags)
    : carryOut(publication, { leftOut, started }, machine, flags);
}

/**
 * The registry and the steps, checked before anything is read.
 * @throws UserError E_USAGE.
 */
function orderOf(flags: Flags): Pick<PublicationRequest, 'registry' | 'from' | 'until'> {
  const registry = registryOf(flags.registry);
  const from = stepOf(flags.from, 'stage');
  const until = stepOf(flags.until, 'promote');
  if (!includes(until, from)) {
    throw new UserError('E_USAGE', `--from ${from} comes after --until ${until}`, {
      hint: `the steps are, in this order: ${steps.join(', ')}`,
    });
  }
  return { registry, from, until };
}

function requestOf(
  flags: Flags,
  order: ReturnType<typeof orderOf>,
  checkout: Checkout,
): PublicationRequest {
  return {
    ...order,
    force: flags.force === true,
    dropPlatforms: flags.dropPlatforms === true,
    attest: attestOf(flags, checkout.settings),
    signing: readSigning(checkout, flags),
    scanning: readScanning(checkout, flags),
  };
}

/** Prints the plan; nothing is built and nothing written. */
function show(publication: PublicationPlan, leftOut: readonly LeftOut[], flags: Flags): number {
  if (flags.json === true) printJson({ ...publicationJson(publication), leftOut });
  else print(describePublication(publication));
  const { orders, tooEarly, unseen } = publication;
  const isRefused = orders.some(({ refusal }) => refusal !== undefined);
  return tooEarly.length === 0 && unseen.length === 0 && !isRefused ? 0 : 1;
}

async function carryOut(
  publication: PublicationPlan,
  { leftOut, started }: { readonly leftOut: readonly LeftOut[]; readonly started: number },
  { checkout, registry }: Machine,
  flags: Flags,
): Promise<number> {
  const now = new Date();
  const name = `${now.toISOString().replaceAll(':', '-')}.json`;
  const display = openDisplay(flags.quiet === true ? 'none' : 'auto');
  let report: PublishReport;
  try {
    const options = {
      force: flags.force === true,
      acceptUnexecuted: flags.acceptUnexecuted === true,
      journal: flags.journal ?? join(checkout.own, '.bakery', 'journal', name),
      jobs: flags.jobs,
      display,
      signal: flags.signal,
      now,
    };
    const result = await publishTo(publication, { checkout, registry, options });
    report = { ...result, leftOut, milliseconds: performance.now() - started };
  } finally {
    display.close();
  }
  if (flags.junit !== undefined) await writeAtomic(flags.junit, junit(report.tests));
  if (flags.report !== undefined) await writeAtomic(flags.report, jsonOf(report));
  if (flags.json === true) printJson(report);
  else print(describe(report));
  return report.ok ? 0 : 1;
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
