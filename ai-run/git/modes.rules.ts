/** The modes of `--git`, and the texts about a session's repositories. */

import { printable } from '@ai-bakery/kernel/text.ts';

/** `none` hides the repositories, `shadow` gives the agent its own copies, `live` shares the real ones. */
export const gitModes = ['none', 'shadow', 'live'] as const;

export type GitMode = (typeof gitModes)[number];

type Committed = {
  readonly name: string;
  readonly kind: 'moved' | 'new';
  readonly commits: number;
};

/** Whether a text is a valid session name: it becomes a folder and a part of a ref. */
export function isSessionName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name) && !/\.\.|\.$|\.lock$/.test(name);
}

/** `3 new commits on main, new: topic (1 commit)`; in a nested repository: `lib: 1 new commit on main`. */
export function summary(folder: string, committed: readonly Committed[]): string {
  const shown = committed.slice(0, 4).map(one);
  const rest = committed.length - shown.length;
  return `${folder === '' ? '' : `${printable(folder)}: `}${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}`;
}

/** Notes on masked files that git tracks: their history is readable and, if not skipped, they look empty to git. */
export function maskedNotes(
  folder: string,
  tracked: readonly string[],
  skipped: boolean,
): string[] {
  if (tracked.length === 0) return [];
  const more = tracked.length > 3 ? ` and ${tracked.length - 3} more` : '';
  const names = `${folder === '' ? '' : `${printable(folder)}: `}${tracked.slice(0, 3).map(printable).join(', ')}${more}`;
  return [
    `git: masked, but the agent can read the committed versions: ${names} (--git none hides the repository)`,
    ...(skipped ? [] : [`git: masked, and the agent may commit it as an empty file: ${names}`]),
  ];
}

function one({ name, kind, commits }: Committed): string {
  const shown = printable(name);
  if (kind === 'new')
    return commits === 0 ? `new: ${shown}` : `new: ${shown} (${plural(commits, 'commit')})`;
  return commits === 0 ? `${shown} moved` : `${plural(commits, 'new commit')} on ${shown}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
