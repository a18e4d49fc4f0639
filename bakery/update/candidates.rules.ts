import { compare, prerelease } from 'semver';
import type { Platform } from '@ai-bakery/kernel/platform.ts';

/** A version that was looked at and not taken, and why. */
export type Skipped = { readonly version: string; readonly reason: string };

/** What became, or would become, of one lock. */
export type Update = {
  /** `claude`, or an upstream image's reference. */
  readonly name: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly skipped: readonly Skipped[];
  /** What is not locked even so. */
  readonly missing: Readonly<Partial<Record<Platform, string>>>;
  /** Texts to write, by path relative to the checkout. */
  readonly files: Readonly<Record<string, string>>;
  /** Why nothing could be found out. */
  readonly error?: string;
};

/** One thing that was tried: how complete it is. */
export type Trial<T> = {
  readonly version: string;
  readonly missing: Readonly<Partial<Record<Platform, string>>>;
  readonly value: T;
};

/**
 * Which versions to try, newest first: none below the present one, none above what the registry calls `latest`, and
 * prereleases only where `latest` is one too, or where there is nothing else.
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

/** The complete one where there is one, else the newest of those that lack the least. Trials come newest first. */
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
