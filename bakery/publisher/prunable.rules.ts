/** Decides which tags and manifests of a repository can be deleted. */

import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { isWorkingTag, versionAnnotation, fixedTag, runtimeAnnotation } from './need.rules.ts';
import { subjectOf } from './signature.rules.ts';

/** One tag, with the annotations of its index. */
export type Tagged = {
  readonly tag: string;
  readonly digest: Digest;
  readonly children: readonly Digest[];
  readonly annotations: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; infinity if the index has no date, so that it counts as new and stays. */
  readonly created: number;
};

export type Keep = {
  /** Number of newest fixed tags of each runtime that stay at any age. */
  readonly count: number;
  /** Milliseconds since 1970: younger manifests stay. */
  readonly since: number;
  /** Tags that stay at any age: those of the layers of today's definitions. */
  readonly tags?: ReadonlySet<string>;
};

export type Removal = {
  /** Tags to delete, including the last tag of each deleted index. */
  readonly tags: readonly string[];
  /** Manifests to delete, an index before its children, so that no tag ever points to an incomplete index. */
  readonly digests: readonly Digest[];
};

/**
 * Selects tags of staging, tests and layers by age, fixed tags by age and count, and cosign's tags together with their
 * manifest. Deleting a manifest deletes all its tags, so a manifest that a remaining tag reaches stays.
 * @param lost manifests that were deleted before and have left their signatures.
 */
export function prunable(
  all: readonly Tagged[],
  { count, since, tags }: Keep,
  lost: ReadonlySet<Digest> = new Set(),
): Removal {
  const about = all.filter(({ tag }) => subjectOf(tag) !== undefined);
  const images = all.filter(({ tag }) => subjectOf(tag) === undefined);
  const fixed = images
    .filter((one) => kindOf(one) === 'fixed')
    .toSorted((a, b) => b.created - a.created);
  const isBeyondCount = (one: Tagged): boolean => {
    const runtime = one.annotations[runtimeAnnotation];
    const same = fixed.filter(({ annotations }) => annotations[runtimeAnnotation] === runtime);
    return same.indexOf(one) >= count;
  };
  const isDue = (one: Tagged): boolean => {
    if (one.created >= since || tags?.has(one.tag) === true) return false;
    const kind = kindOf(one);
    return kind === 'working' || (kind === 'fixed' && isBeyondCount(one));
  };
  const kept = images.filter((one) => !isDue(one));
  const first = removal(images.filter(isDue), reached([...kept, ...about]));
  const orphaned = new Set([...first.digests, ...lost]);
  const isOrphan = ({ tag }: Tagged): boolean => {
    const subject = subjectOf(tag);
    return subject !== undefined && orphaned.has(subject);
  };
  const staying = about.filter((one) => !isOrphan(one));
  const second = removal(about.filter(isOrphan), reached([...kept, ...staying]));
  return {
    tags: [...first.tags, ...second.tags],
    // If a run is killed in between, the next run finds the rest.
    digests: [...new Set([...first.digests, ...second.digests])],
  };
}

/** `other` are moving tags and foreign tags, which stay. */
function kindOf({ tag, annotations }: Tagged): 'working' | 'fixed' | 'other' {
  if (isWorkingTag(tag)) return 'working';
  const version = annotations[versionAnnotation];
  const runtime = annotations[runtimeAnnotation];
  return version !== undefined && runtime !== undefined && tag === fixedTag(version, runtime)
    ? 'fixed'
    : 'other';
}

/** Deletes these tags and their manifests, an index before its children, unless they are `reachable`. */
function removal(due: readonly Tagged[], reachable: ReadonlySet<Digest>): Removal {
  const gone = due.filter(({ digest }) => !reachable.has(digest));
  const children = gone.flatMap((one) => one.children).filter((one) => !reachable.has(one));
  return {
    tags: gone.map(({ tag }) => tag).toSorted(),
    digests: [...new Set([...gone.map(({ digest }) => digest), ...children])],
  };
}

function reached(tags: readonly Tagged[]): ReadonlySet<Digest> {
  return new Set(tags.flatMap(({ digest, children }) => [digest, ...children]));
}
