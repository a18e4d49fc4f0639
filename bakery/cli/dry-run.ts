/** Describes the plan of a publication, as text and as JSON. */

import { table } from '../host/format.ts';
import type { Order, PublicationPlan } from '../publisher/publication.rules.ts';
import { includes } from '../publisher/steps.rules.ts';

/** The output of `bakery publish --dry-run --json`. */
export type PublicationJson = {
  readonly registry: string;
  /** References of the layers that would be written. */
  readonly layers: readonly string[];
  /** Ids of the layers that would be built. */
  readonly builds: readonly string[];
  readonly images: readonly {
    readonly image: string;
    readonly step: Order['need']['step'];
    readonly changes: readonly string[];
    readonly writes: readonly string[];
    /** Why the image would fail. */
    readonly why?: string;
  }[];
  readonly tests: readonly { readonly image: string; readonly platform: string }[];
  /** All tags that would be written, in their order; `*` for a digest that is not known before the build. */
  readonly writes: readonly { readonly reference: string; readonly reason: string }[];
  readonly errors: readonly string[];
};

export function publicationJson(publication: PublicationPlan): PublicationJson {
  const { request, builds, tests, writes, unseen } = publication;
  return {
    registry: request.registry,
    layers: builds.flatMap(({ reference }) => reference ?? []),
    builds: builds.map(({ layer }) => layer.id),
    images: imagesOf(publication).map(({ order, why }) => ({
      image: nameOf(order),
      step: order.need.step,
      changes: order.changes,
      writes: order.writes.map(({ reference }) => reference),
      ...(why === undefined ? {} : { why }),
    })),
    tests: tests.map(({ order, platform }) => ({ image: nameOf(order), platform })),
    writes: writes.map(({ reference, reason }) => ({ reference, reason })),
    errors: unseen.map(({ error }) => error.message),
  };
}

export function describePublication(publication: PublicationPlan): string {
  const { request, writes, unseen, promotions, tests } = publication;
  const { scanning, until } = request;
  const isScanned = scanning !== undefined && promotions.length > 0;
  const first = [
    ...(includes(until, 'test') && (tests.length > 0 || promotions.length > 0)
      ? ['their tests']
      : []),
    ...(isScanned ? [`a scan by ${scanning.with}`] : []),
  ];
  const after = first.length === 0 ? '' : `, after ${first.join(' and ')}`;
  return [
    table(
      ['IMAGE', 'NEXT STEP', 'WHY'],
      imagesOf(publication).map(({ order, why }) => [
        nameOf(order),
        why === undefined ? order.need.step : 'failed',
        why ?? order.changes.join('; '),
      ]),
    ),
    '',
    ...writes.map(({ reference }) => `write ${reference}`),
    ...unseen.map(({ error }) => error.message),
    `${writes.length} tags would be written${after}; nothing was done`,
  ].join('\n');
}

/** The images with the reason why they would fail. */
function imagesOf({
  orders,
  tooEarly,
}: PublicationPlan): readonly { readonly order: Order; readonly why?: string }[] {
  return [
    ...orders.map((order) => ({
      order,
      ...(order.refusal === undefined ? {} : { why: order.refusal }),
    })),
    ...tooEarly,
  ];
}

function nameOf({ repository, subject }: Order): string {
  return `${repository}:${subject.image.runtime}`;
}
