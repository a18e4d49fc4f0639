/** The verb `plan`: prints layers, images and keys, and how a registry differs from them. */

import { attestOf } from '../builder/attest.rules.ts';
import { planCells } from '../catalogue/checkout.ts';
import { type LeftOut, select } from '../plan/matrix.rules.ts';
import type { Plan } from '../plan/plan.rules.ts';
import { readPublication } from '../publisher/look.ts';
import type { PublicationPlan } from '../publisher/publication.rules.ts';
import { readScanning } from '../publisher/scan-flags.ts';
import { readSigning } from '../publisher/read-signatures.ts';
import { table } from '../host/format.ts';
import {
  type CommonFlags,
  print,
  printJson,
  registryOf,
  type SelectionFlags,
  selectionOf,
} from './flags.ts';
import type { VerbFlags } from './verb-flags.rules.ts';
import { type Machine, openMachine } from './machine.ts';

/** Reasons why an image is not up to date, by its id; empty if it is. */
type Changes = ReadonlyMap<string, readonly string[]>;

export async function plan(
  flags: CommonFlags & SelectionFlags & VerbFlags<'plan'>,
): Promise<number> {
  const where = flags.registry === undefined ? undefined : registryOf(flags.registry);
  const machine = await openMachine(flags);
  const { checkout } = machine;
  const { cells, leftOut } = select(checkout.catalogue, selectionOf(flags));
  const planned = planCells(checkout, cells);
  const publication = where === undefined ? undefined : await compare(planned, where, machine);
  const changes = changesOf(publication);
  if (flags.json === true) printJson({ ...json(planned, changes), leftOut });
  else print(describe(planned, where, changes, leftOut));
  return (publication?.unseen ?? []).length === 0 ? 0 : 1;
}

/** The plan of a publication of everything that the registry lacks. */
function compare(
  planned: Plan,
  where: string,
  { checkout, registry }: Machine,
): Promise<PublicationPlan> {
  return readPublication(planned, checkout.catalogue.runtimes, registry, {
    registry: where,
    from: 'stage',
    until: 'promote',
    force: false,
    dropPlatforms: false,
    attest: attestOf({}, checkout.settings),
    signing: readSigning(checkout),
    scanning: readScanning(checkout, {}),
  });
}

function changesOf(publication: PublicationPlan | undefined): Changes {
  return new Map([
    ...(publication?.orders ?? []).map(
      ({ subject, changes }) => [subject.image.id, changes] as const,
    ),
    ...(publication?.unseen ?? []).map(
      ({ subject, error }) => [subject.image.id, [error.message]] as const,
    ),
  ]);
}

function json({ layers, images }: Plan, all: Changes): Record<string, unknown> {
  return {
    layers,
    images: images.map((image) => {
      const changes = all.get(image.id);
      return changes === undefined
        ? image
        : { ...image, published: { upToDate: changes.length === 0, changes } };
    }),
  };
}

function describe(
  { layers, images }: Plan,
  where: string | undefined,
  all: Changes,
  leftOut: readonly LeftOut[],
): string {
  const state = (id: string): string => {
    const changes = all.get(id) ?? [];
    return changes.length === 0 ? 'up to date' : changes.join('; ');
  };
  return [
    table(
      ['LAYER', 'KEY'],
      layers.map(({ id, key }) => [id, short(key)]),
    ),
    '',
    table(
      ['IMAGE', 'PLATFORMS', 'KEY', ...(where === undefined ? [] : [`IN ${where}`])],
      images.map(({ id, reference, platforms, key }) => [
        reference,
        platforms.join(', '),
        short(key),
        ...(where === undefined ? [] : [state(id)]),
      ]),
    ),
    '',
    ...leftOut.map(
      ({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`,
    ),
    `${layers.length} layers, ${images.length} images`,
  ].join('\n');
}

function short(digest: string): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12);
}
