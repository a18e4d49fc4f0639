/** Matching of a name against a pattern, in bounded time. */

/**
 * Whether a name matches a pattern, ignoring case: `*` and `?` match anything but a `/`. Both may come from an agent: the
 * time is bounded by the product of their lengths, which a regular expression cannot guarantee.
 */
export function fits(name: string, pattern: string): boolean {
  const text = name.toLowerCase();
  const glob = pattern.toLowerCase();
  let at = 0;
  let star = -1;
  let after = 0;
  let from = 0;
  while (from < text.length) {
    const letter = glob[at];
    if (letter === '*') {
      star = at;
      after = from;
      at += 1;
    } else if (letter === text[from] || (letter === '?' && text[from] !== '/')) {
      at += 1;
      from += 1;
    } else if (star !== -1 && text[after] !== '/') {
      // The last star matches one character more; backtracking to an earlier star would gain nothing.
      after += 1;
      from = after;
      at = star + 1;
    } else return false;
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}
