/** The tags of an image in a registry, and the work that is missing there. */

import { createHash } from 'node:crypto';
import { architecture, type Platform } from '@ai-bakery/kernel/platform.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { isLayerTag } from '../composer/layer-names.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { type Origin, originAnnotations } from '../plan/origin.rules.ts';
import { type Image, keyLabel } from '../plan/plan.rules.ts';

export const versionAnnotation = 'org.opencontainers.image.version';

export const runtimeAnnotation = 'ai-run.runtime';

export const createdAnnotation = 'org.opencontainers.image.created';

const inputPrefix = `${keyLabel}.`;

/** The manifests that a registry has for one image. */
export type Held = {
  /** By public tag. */
  readonly tags: ReadonlyMap<string, Manifest | undefined>;
  readonly staged: Manifest | undefined;
  /** The platforms on which an index has passed today's tests. */
  readonly tested: ReadonlyMap<Digest, readonly Platform[]>;
  /** The indexes with a valid signature; absent if signatures are not requested. */
  readonly signed?: ReadonlySet<Digest>;
};

/** A tag that will point to another index. */
export type Move = { readonly tag: string; readonly from: Digest | undefined };

/** The work that an image lacks: its build, tests on some platforms, some tags, its signature, or nothing. */
export type Need =
  | { readonly step: 'build'; readonly unsigned?: true }
  | {
      readonly step: 'test' | 'promote' | 'sign' | 'nothing';
      readonly index: Manifest;
      readonly untested: readonly Platform[];
      readonly moves: readonly Move[];
      /** Whether it lacks a requested signature. */
      readonly unsigned?: true;
    };

/** The tag under which an image waits for its tests. */
export function stagingTag({ key }: Image): string {
  return `stg-${short(key)}`;
}

/**
 * The tag that records that the index it points to has passed these tests on this platform. Each index has its own tags, so
 * that two runs that test two indexes of the same key do not overwrite each other's.
 */
export function testedTag(testKey: string, index: Digest, platform: Platform): string {
  return `tested-${short(createHash('sha256').update(`${testKey} ${index}`).digest('hex'))}-${architecture(platform)}`;
}

/** Whether it is a tag for publishing itself, which users do not know. */
export function isWorkingTag(tag: string): boolean {
  return /^stg-[0-9a-f]{12}$/.test(tag) || /^tested-[0-9a-f]{12}-/.test(tag) || isLayerTag(tag);
}

/** `1.2.3-go`. A tag holds letters, digits and _ . - only. Distribution spec, "pulling manifests" */
export function fixedTag(version: string, runtime: string): string {
  return `${version.replaceAll(/[^\w.-]/g, '_')}-${runtime}`;
}

/** The tags that users know, in the order in which they are moved: the fixed tag, then the moving ones. */
export function publicTags({ version, runtime }: Image): string[] {
  return [fixedTag(version, runtime), runtime, ...(runtime === 'base' ? ['latest'] : [])];
}

/**
 * The annotations of an index: the registry alone then shows whether the index is up to date, and which input has changed.
 * The labels of its images are repeated here for tools that read only indexes.
 * @param created RFC 3339: the age of the index; its layers have a constant time.
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

/** Whether it is an index of the image's key, for all platforms of the image. */
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

/** Of several indexes of the image's key, the one that passed most tests counts. */
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

/** Platforms that a tag would lose, with the tag: `go has linux/arm64`. */
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
 * The reasons why an image is not up to date, as short lines; empty if it is.
 * @param found the index of its moving tag.
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

/** The inputs that differ between an index and the planned image, as short lines. */
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
  // Annotations are foreign text.
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
