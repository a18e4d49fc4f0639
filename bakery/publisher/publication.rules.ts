/** Plans a publication as a value: layers to build, images to compose, tests and writes. */

import type { UserError } from '@ai-bakery/kernel/error.ts';
import { architecture, type Platform } from '@ai-bakery/kernel/platform.ts';
import { type Attest, isAttested } from '../builder/attest.rules.ts';
import { layerReference } from '../composer/layer-names.rules.ts';
import { frameOf } from '../composer/manifests.rules.ts';
import { type Image, type Layer, layersFor, type Plan, type Subject } from '../plan/plan.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import {
  changesOf,
  type Held,
  lostPlatforms,
  type Need,
  needOf,
  stagingTag,
  testedTag,
} from './need.rules.ts';
import type { Scanning } from './scan.rules.ts';
import { signatureTag, type Signing } from './signature.rules.ts';
import { includes, missingBefore, type Step } from './steps.rules.ts';

/** The options that decide what a publication does. */
export type PublicationRequest = {
  /** With its namespace: `registry.example.com/ai`. */
  readonly registry: string;
  /** First step of the run; images that lack an earlier step are too early. */
  readonly from: Step;
  /** Last step of the run. */
  readonly until: Step;
  /** Build and test images that are up to date too. */
  readonly force: boolean;
  /** Allow a tag to lose a platform. */
  readonly dropPlatforms: boolean;
  /** Undefined if images are not signed. */
  readonly signing: Signing | undefined;
  /** Undefined if images are not scanned. */
  readonly scanning: Scanning | undefined;
  readonly attest: Attest;
};

/** An image and the manifests that the registry has for it. */
export type FoundImage = {
  readonly subject: Subject;
  /** `registry.example.com/ai/ai-claude` */
  readonly repository: string;
  readonly testKey: string;
  readonly held: Held;
};

/** A layer and the manifest that the registry has for it. */
export type FoundLayer = {
  readonly layer: Layer;
  /** `registry.example.com/ai/ai-layers:layer-0123456789ab-arm64` */
  readonly reference: string;
  /** Undefined if the registry has no layer of this key. */
  readonly manifest: Manifest | undefined;
};

/** An image that could not be read from the registry. */
export type Unseen = { readonly subject: Subject; readonly error: UserError };

/** The registry's state, as far as the plan depends on it. */
export type Found = {
  readonly images: readonly FoundImage[];
  readonly unseen: readonly Unseen[];
  /** The layers of `layersToFind`. */
  readonly layers: readonly FoundLayer[];
};

/** One tag that a run writes. */
type Write = {
  /** Contains `*` in place of a digest that is not known before the build. */
  readonly reference: string;
  readonly reason: 'layer' | 'frame' | 'staged' | 'tested' | 'signed' | 'promoted';
  readonly subject: Image | Layer;
};

/** An image and its work in this run. */
export type Order = FoundImage & {
  readonly need: Need;
  /** Reasons why the image is not up to date. */
  readonly changes: readonly string[];
  /** Platforms that this run tests. */
  readonly tests: readonly Platform[];
  /** Whether the run scans, signs and promotes it. */
  readonly isPromoted: boolean;
  /** Why no tag will be moved; undefined if tags may be moved. */
  readonly refusal: string | undefined;
  readonly writes: readonly Write[];
};

/** A layer that this run builds. */
type LayerBuild = {
  readonly layer: Layer;
  /** The layer's tag in the registry; undefined if the layer stays in the builder's cache. */
  readonly reference: string | undefined;
};

/** Everything that a run does; `publish` carries it out, and dry runs print it. */
export type PublicationPlan = {
  readonly request: PublicationRequest;
  readonly builds: readonly LayerBuild[];
  /** Layers of the compositions that the registry has already. */
  readonly reused: readonly (FoundLayer & { readonly manifest: Manifest })[];
  /** All images that this run takes up, those that are up to date included. */
  readonly orders: readonly Order[];
  /** The orders that are built and staged. */
  readonly compositions: readonly Order[];
  readonly tests: readonly { readonly order: Order; readonly platform: Platform }[];
  /** The orders that are scanned, signed and promoted. */
  readonly promotions: readonly Order[];
  /** In the order in which a run makes them. */
  readonly writes: readonly Write[];
  /** Images that this run cannot take up, because an earlier step is missing. */
  readonly tooEarly: readonly { readonly order: Order; readonly why: string }[];
  readonly unseen: readonly Unseen[];
};

/** Decides what a run does. It is pure: registry, engine and builder are not asked. */
export function planPublication(
  plan: Plan,
  found: Found,
  request: PublicationRequest,
): PublicationPlan {
  const { orders, tooEarly } = takeUp(found.images, request);
  const compositions = orders.filter(({ need }) => need.step === 'build');
  const builds = buildsOf(plan, compositions, found.layers, request);
  return {
    request,
    builds,
    reused: found.layers.flatMap((one) =>
      one.manifest === undefined ? [] : [{ ...one, manifest: one.manifest }],
    ),
    orders,
    compositions,
    tests: orders.flatMap((order) => order.tests.map((platform) => ({ order, platform }))),
    promotions: orders.filter(({ isPromoted }) => isPromoted),
    writes: [
      ...builds.flatMap(({ layer, reference }): Write[] =>
        reference === undefined ? [] : [{ reference, reason: 'layer', subject: layer }],
      ),
      ...orders.flatMap(({ writes }) => writes),
    ],
    tooEarly,
    unseen: found.unseen,
  };
}

/**
 * The layers whose presence in the registry decides what is built. It is empty if attestations are requested, because
 * BuildKit attests only to images that it has built whole.
 */
export function layersToFind(
  plan: Plan,
  images: readonly FoundImage[],
  request: PublicationRequest,
): readonly Layer[] {
  if (isAttested(request.attest)) return [];
  const { orders } = takeUp(images, request);
  return layersOf(
    plan,
    orders.filter(({ need }) => need.step === 'build'),
  );
}

function takeUp(
  images: readonly FoundImage[],
  request: PublicationRequest,
): Pick<PublicationPlan, 'orders' | 'tooEarly'> {
  const orders: Order[] = [];
  const tooEarly: { order: Order; why: string }[] = [];
  for (const image of images) {
    const order = orderOf(image, request);
    const why = missingBefore(request.from, order.need);
    if (why === undefined) orders.push(order);
    else tooEarly.push({ order: { ...order, tests: [], isPromoted: false, writes: [] }, why });
  }
  return { orders, tooEarly };
}

function orderOf(found: FoundImage, request: PublicationRequest): Order {
  const { held, subject } = found;
  const { image } = subject;
  const { force, signing, until } = request;
  const again: Need = { step: 'build', ...(signing === undefined ? {} : { unsigned: true }) };
  const need = force ? again : needOf(image, held);
  const untested = need.step === 'build' ? image.platforms : need.untested;
  const isPromoted = includes(until, 'promote') && need.step !== 'nothing';
  const order: Omit<Order, 'writes'> = {
    ...found,
    need,
    changes: force ? ['asked for again'] : changesOf(image, need, held.tags.get(image.runtime)),
    tests: includes(until, 'test') ? untested : [],
    isPromoted,
    refusal: isPromoted ? refusalOf(image, need, held, request) : undefined,
  };
  return { ...order, writes: writesOf(order, request) };
}

/** Moving a tag to an index without one of its platforms would leave the users of that platform without an image. */
function refusalOf(
  image: Image,
  need: Need,
  { tags }: Held,
  { dropPlatforms }: PublicationRequest,
): string | undefined {
  const lost = dropPlatforms ? [] : lostPlatforms(need.step === 'build' ? image : need.index, tags);
  return lost.length === 0 ? undefined : `${lost.join(', ')}, which this would take away`;
}

function layersOf(plan: Plan, orders: readonly Order[]): readonly Layer[] {
  return layersFor(
    plan,
    orders.map(({ subject }) => subject.image),
  );
}

function buildsOf(
  plan: Plan,
  compositions: readonly Order[],
  layers: readonly FoundLayer[],
  { attest, registry }: PublicationRequest,
): readonly LayerBuild[] {
  const has = new Set(
    layers.flatMap(({ layer, manifest }) => (manifest === undefined ? [] : [layer.id])),
  );
  return layersOf(plan, compositions)
    .filter(({ id }) => !has.has(id))
    .map((layer) => ({
      layer,
      reference: isAttested(attest) ? undefined : layerReference(registry, layer),
    }));
}

/** The tags of an image that a run writes, in the order in which it does. */
function writesOf(order: Omit<Order, 'writes'>, { attest }: PublicationRequest): readonly Write[] {
  const { subject, repository, testKey, held, need, tests, isPromoted, refusal } = order;
  const { image } = subject;
  const write = (reason: Write['reason'], tag: string): Write => ({
    reference: `${repository}:${tag}`,
    reason,
    subject: image,
  });
  const isBuilt = need.step === 'build';
  const staging = isBuilt ? [write('staged', stagingTag(image))] : [];
  // The engine's own builder cannot push without a tag.
  const frame = isBuilt && !isAttested(attest) ? [write('frame', stagingTag(frameOf(image)))] : [];
  const moves = isBuilt ? [...held.tags.keys()] : need.moves.map(({ tag }) => tag);
  const signs = isPromoted && need.unsigned === true;
  return [
    ...frame,
    ...staging,
    ...tests.map((platform) =>
      write(
        'tested',
        isBuilt
          ? `tested-*-${architecture(platform)}`
          : testedTag(testKey, need.index.digest, platform),
      ),
    ),
    ...(signs ? [write('signed', isBuilt ? 'sha256-*.sig' : signatureTag(need.index.digest))] : []),
    ...(isPromoted && refusal === undefined ? moves.map((tag) => write('promoted', tag)) : []),
  ];
}
