/** The choice of a version for an update: candidates, and the best of those that were tried. */

import { compare, prerelease } from 'semver';
import type { Platform } from '@ai-bakery/kernel/platform.ts';

/** A version that was tried and not taken, and the reason. */
export type Skipped = { readonly version: string; readonly reason: string };

/** The update of one lock, done or proposed. */
export type Update = {
  /** `claude`, or an upstream image's reference. */
  readonly name: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly skipped: readonly Skipped[];
  /** The platforms that stay unlocked, with the reasons. */
  readonly missing: Readonly<Partial<Record<Platform, string>>>;
  /** Texts to write, by path relative to the checkout. */
  readonly files: Readonly<Record<string, string>>;
  /** The reason that no version could be found. */
  readonly error?: string;
};

/** A version that was tried, and the platforms that it lacks. */
export type Trial<T> = {
  readonly version: string;
  readonly missing: Readonly<Partial<Record<Platform, string>>>;
  readonly value: T;
};

/**
 * Returns the versions to try, newest first: none below the present one, none above the registry's `latest`, and prereleases
 * only if `latest` is one too or if nothing else remains.
 */
export function candidates(
  versions: readonly string[],
  latest: string,
  present: string | undefined,
): string[] {
  const wanted = versions.filter(
    (version) =>
      compare(version, latest) <= 0 && (present === undefined || compare(version, present) >= 0),
  );
  const stable = wanted.filter((version) => prerelease(version) === null);
  const unstable = prerelease(latest) !== null || stable.length === 0;
  return (unstable ? wanted : stable).toSorted((a, b) => compare(b, a));
}

/** Returns the newest of the trials that lack the fewest platforms. Trials come newest first. */
export function best<T>(trials: readonly Trial<T>[]): Trial<T> | undefined {
  return trials.toSorted((a, b) => gaps(a) - gaps(b))[0];
}

export function skippedFor(trials: readonly Trial<unknown>[], taken: Trial<unknown>): Skipped[] {
  return trials.slice(0, trials.indexOf(taken)).map(({ version, missing }) => ({
    version,
    reason: Object.entries(missing)
      .map(([platform, reason]) => `${platform}: ${reason}`)
      .join('; '),
  }));
}

function gaps({ missing }: Trial<unknown>): number {
  return Object.keys(missing).length;
}
