/** The lines that ai-run itself prints during a session, on standard error. */

import { printable } from '@ai-bakery/kernel/text.ts';

/** Prints a text as one line, even if it contains names of files with line breaks. */
export function say(text: string): void {
  const line = printable(text).replaceAll('\n', String.raw`\n`);
  process.stderr.write(`ai-run: ${line}\n`);
}
