/** A command as plain data, and its text for a POSIX shell. */

/** A process to start: plain data, so that it can be printed, compared and tested before it runs. */
export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  /** Variables added to the caller's environment. Secrets travel here, never in `args`. */
  readonly env?: Readonly<Record<string, string>>;
};

/** Formats a command as text that can be pasted into a POSIX shell. Leaves out the environment's values. */
export function formatCommand({ file, args }: Command): string {
  return [file, ...args].map(quote).join(' ');
}

/** Quotes one word for POSIX sh. */
function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
