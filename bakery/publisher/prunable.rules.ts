import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { isWorkingTag, versionAnnotation, fixedTag, runtimeAnnotation } from './need.rules.ts';
import { subjectOf } from './signature.rules.ts';

/** What a repository can do without, decided from everything that it has. */

/** One tag, with what its index says of itself. */
export type Tagged = {
  readonly tag: string;
  readonly digest: Digest;
  readonly children: readonly Digest[];
  readonly annotations: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; infinity where it does not say, so that it counts as new and stays. */
  readonly created: number;
};

export type Keep = {
  /** Newest fixed tags of each runtime that stay, whatever their age. */
  readonly count: number;
  /** Milliseconds since 1970: what was made later stays. */
  readonly since: number;
  /** Tags that stay, whatever their age: those of the layers that today's definitions are made of. */
  readonly tags?: ReadonlySet<string>;
};

export type Removal = {
  /** Tags that go; each is the last way to its index, or goes together with the others that are. */
  readonly tags: readonly string[];
  /** In this order: an index before its children, so that no tag ever points to an index that lacks some. */
  readonly digests: readonly Digest[];
};

/**
 * Which tags of one repository go: those of staging, tests and layers by age, fixed tags by age and count, and what cosign has put there
 * for a manifest together with that. Deleting a manifest deletes every tag on it, so nothing goes that can be reached from
 * a tag that stays.
 * @param lost manifests that are gone already, and have left signatures behind.
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
    // Killed in between, the next run finds what was lost.
    digests: [...new Set([...first.digests, ...second.digests])],
  };
}

/** Staged or tested, fixed, or anything else: moving tags, and what others have put there, which stays. */
function kindOf({ tag, annotations }: Tagged): 'working' | 'fixed' | 'other' {
  if (isWorkingTag(tag)) return 'working';
  const version = annotations[versionAnnotation];
  const runtime = annotations[runtimeAnnotation];
  return version !== undefined && runtime !== undefined && tag === fixedTag(version, runtime)
    ? 'fixed'
    : 'other';
}

/** Which of these go, an index before its children; nothing that is `reachable`. */
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
