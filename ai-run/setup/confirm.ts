/** The questions of setup and uninstall on the terminal. */

import { createInterface } from 'node:readline';
import { usage } from '../settings/options.rules.ts';
import { askTerminal } from '../host/ask.ts';

/** Asks for one line of text; returns undefined if the input ends first. */
export async function askLine(question: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    process.stderr.write(`${question} `);
    for await (const line of lines) return line;
    return undefined;
  } finally {
    lines.close();
  }
}

/**
 * Prints the plan, and asks the user to agree to it.
 * @throws UserError E_USAGE if the program has no terminal to ask on.
 */
export async function confirm(plan: readonly string[], yes: boolean): Promise<boolean> {
  process.stderr.write(`${plan.join('\n')}\n`);
  if (yes) return true;
  const ask = askTerminal();
  if (ask === undefined) throw usage('nothing was changed: without a terminal, add --yes');
  return (await ask('Continue?', ['yes', 'no'])) === 'yes';
}
