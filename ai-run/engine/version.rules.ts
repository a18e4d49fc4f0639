/** The comparison of versions with the fixed ones of several branches. */

/** `1.2.8`, `v1.4.0-rc.3`, `1.0.0-rc95`, `28.5.2+dfsg3`: three numbers, and a release candidate's. */
const pattern = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-~.]?rc[.-]?(\d+))?/;

type Numbers = readonly [major: number, minor: number, patch: number, candidate: number];

/**
 * Whether a version lacks a fix that was released on several branches: it is compared with the fix on its own branch
 * (`1.2`) or, if that branch has no fix, with the newest fixed version. A text that is not a version lacks nothing.
 */
export function lacks(version: string, fixes: readonly string[]): boolean {
  const own = numbersOf(version);
  if (own === undefined) return false;
  const fixed = fixes.map(numbersOf).filter((one) => one !== undefined);
  const branch = fixed.find(([major, minor]) => major === own[0] && minor === own[1]);
  return branch === undefined
    ? fixed.some((one) => compare(own, one) < 0)
    : compare(own, branch) < 0;
}

/** Whether a version is this one or a later one. */
export function isFrom(version: string, first: string): boolean {
  return !lacks(version, [first]);
}

/** @returns undefined if the text does not begin with a version. A release is newer than all of its candidates. */
function numbersOf(text: string): Numbers | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch = 0, candidate = Number.POSITIVE_INFINITY] = match;
  return [Number(major), Number(minor), Number(patch), Number(candidate)];
}

function compare(a: Numbers, b: Numbers): number {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
