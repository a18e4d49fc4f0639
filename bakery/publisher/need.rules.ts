import { createHash } from 'node:crypto';
import { architecture, type Platform } from '@ai-bakery/kernel/platform.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { isLayerTag } from '../composer/layer-names.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { type Origin, originAnnotations } from '../plan/origin.rules.ts';
import { type Image, keyLabel } from '../plan/plan.rules.ts';

/** Under which names a registry has an image, what is missing there, and what is to be done about it. */

export const versionAnnotation = 'org.opencontainers.image.version';

export const runtimeAnnotation = 'ai-run.runtime';

export const createdAnnotation = 'org.opencontainers.image.created';

const inputPrefix = `${keyLabel}.`;

/** What a registry has of one image. */
export type Held = {
  /** By public tag. */
  readonly tags: ReadonlyMap<string, Manifest | undefined>;
  readonly staged: Manifest | undefined;
  /** On which platforms an index has passed the tests as they are now. */
  readonly tested: ReadonlyMap<Digest, readonly Platform[]>;
  /** The indexes that have a signature which counts; absent where none is asked for. */
  readonly signed?: ReadonlySet<Digest>;
};

/** A tag that is to point to something else. */
export type Move = { readonly tag: string; readonly from: Digest | undefined };

/** What is missing for an image: all of it, its tests on some platforms, some tags, its signature, or nothing. */
export type Need =
  | { readonly step: 'build'; readonly unsigned?: true }
  | {
      readonly step: 'test' | 'promote' | 'sign' | 'nothing';
      readonly index: Manifest;
      readonly untested: readonly Platform[];
      readonly moves: readonly Move[];
      /** Whether it lacks the signature that is asked for. */
      readonly unsigned?: true;
    };

/** Where an image waits for its tests. */
export function stagingTag({ key }: Image): string {
  return `stg-${short(key)}`;
}

/**
 * Says, by pointing to an index, that this index passed these tests on this platform. Each index has tags of its own, so
 * that two runs that test two indexes of the same key do not overwrite each other's.
 */
export function testedTag(testKey: string, index: Digest, platform: Platform): string {
  return `tested-${short(createHash('sha256').update(`${testKey} ${index}`).digest('hex'))}-${architecture(platform)}`;
}

/** Whether publishing put it there for itself; users do not know it. */
export function isWorkingTag(tag: string): boolean {
  return /^stg-[0-9a-f]{12}$/.test(tag) || /^tested-[0-9a-f]{12}-/.test(tag) || isLayerTag(tag);
}

/** `1.2.3-go`. A tag holds letters, digits and _ . - only. Distribution spec, "pulling manifests" */
export function fixedTag(version: string, runtime: string): string {
  return `${version.replaceAll(/[^\w.-]/g, '_')}-${runtime}`;
}

/** The tags that users know, in the order in which they are moved: what stays, then what moves on. */
export function publicTags({ version, runtime }: Image): string[] {
  return [fixedTag(version, runtime), runtime, ...(runtime === 'base' ? ['latest'] : [])];
}

/**
 * What an index says of itself: enough to tell from the registry alone whether it is up to date, and what has changed.
 * What its images say of themselves stands here too, for those who read no images.
 * @param created RFC 3339: the age of an index, whatever times its layers have.
 */
export function annotationsOf(
  image: Image,
  created: string,
  origin: Origin = {},
): Record<string, string> {
  return {
    ...Object.fromEntries(
      Object.entries(image.labels).filter(([name]) => name.startsWith('org.opencontainers.')),
    ),
    ...originAnnotations(origin),
    [keyLabel]: image.key,
    ...Object.fromEntries(
      Object.entries(image.inputs).map(([name, key]) => [`${inputPrefix}${name}`, key]),
    ),
    [versionAnnotation]: image.version,
    [runtimeAnnotation]: image.runtime,
    [createdAnnotation]: created,
  };
}

/** An index of this very key, for all platforms of the image. */
export function isCurrent(
  { key, platforms }: Image,
  found: Manifest | undefined,
): found is Manifest {
  return (
    found?.annotations[keyLabel] === key && platforms.every((one) => found.platforms.includes(one))
  );
}

export function movesTo(digest: Digest, tags: Held['tags']): Move[] {
  return [...tags].flatMap(([tag, found]) =>
    found?.digest === digest ? [] : [{ tag, from: found?.digest }],
  );
}

/** Decides from what the registry has; of several indexes of the same key, the one that passed most tests counts. */
export function needOf(image: Image, { tags, staged, tested, signed }: Held): Need {
  const untestedOf = ({ digest }: Manifest): Platform[] =>
    image.platforms.filter((platform) => tested.get(digest)?.includes(platform) !== true);
  const [index] = [...tags.values(), staged]
    .filter((found) => isCurrent(image, found))
    .toSorted((a, b) => untestedOf(a).length - untestedOf(b).length);
  const isUnsigned = signed !== undefined && (index === undefined || !signed.has(index.digest));
  const unsigned = isUnsigned ? { unsigned: true as const } : {};
  if (index === undefined) return { step: 'build', ...unsigned };
  const untested = untestedOf(index);
  const moves = movesTo(index.digest, tags);
  const last = isUnsigned ? 'sign' : 'nothing';
  const step = untested.length > 0 ? 'test' : moves.length > 0 ? 'promote' : last;
  return { step, index, untested, moves, ...unsigned };
}

/** Platforms that some tag would lose, with that tag: users of those would find nothing any more. */
export function lostPlatforms(
  index: { readonly platforms: readonly string[] },
  tags: Held['tags'],
): string[] {
  return [...tags].flatMap(([tag, found]) =>
    (found?.platforms ?? [])
      .filter((platform) => !index.platforms.includes(platform))
      .map((platform) => printable(`${tag} has ${platform}`)),
  );
}

/**
 * Why an image is not up to date, as short lines; none where it is.
 * @param found what its moving tag points to.
 */
export function changesOf(image: Image, need: Need, found: Manifest | undefined): string[] {
  const unsigned = need.unsigned === true ? ['not signed'] : [];
  switch (need.step) {
    case 'nothing':
      return [];
    case 'sign':
      return unsigned;
    case 'promote':
      return [...need.moves.map(({ tag }) => `${tag} points elsewhere`), ...unsigned];
    case 'build':
      return found === undefined ? ['not there'] : changedInputs(image, found);
    case 'test':
      return [
        ...(found === undefined || found.digest === need.index.digest
          ? []
          : changedInputs(image, found)),
        ...need.untested.map((platform) => `not tested on ${platform}`),
        ...unsigned,
      ];
  }
}

function short(hash: string): string {
  return hash.replace('sha256:', '').slice(0, 12);
}

/** Which inputs differ between an index and the image that is wanted, as short lines. */
function changedInputs(image: Image, { annotations, platforms }: Manifest): string[] {
  const version = annotations[versionAnnotation];
  const before = new Map(
    Object.entries(annotations).flatMap(([name, key]) =>
      name.startsWith(inputPrefix) ? [[name.slice(inputPrefix.length), key] as const] : [],
    ),
  );
  if (before.size === 0) return ['made by something else'];
  const names = [...new Set([...before.keys(), ...Object.keys(image.inputs)])].toSorted();
  const lines = [
    ...(version === image.version ? [] : [`version ${version ?? '(none)'} → ${image.version}`]),
    ...names
      .filter((name) => before.get(name) !== image.inputs[name])
      .map((name) => describeInput(name, before.get(name), image.inputs[name])),
    ...image.platforms
      .filter((platform) => !platforms.includes(platform))
      .map((platform) => `new: ${platform}`),
  ];
  // Annotations are whatever somebody wrote into the registry.
  return lines.length > 0 ? lines.map(printable) : ['input key'];
}

function describeInput(
  name: string,
  before: string | undefined,
  after: string | undefined,
): string {
  if (name === 'base') return `upstream base ${short(before ?? '')} → ${short(after ?? '')}`;
  const subject =
    name === 'agent'
      ? 'agent layer'
      : name === 'image'
        ? 'environment, labels or template of the image'
        : name.replace('runtime.', 'runtime layer ');
  return after === undefined
    ? `without ${subject}`
    : before === undefined
      ? `new: ${subject}`
      : subject;
}
