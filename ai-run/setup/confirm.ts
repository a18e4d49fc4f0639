import { createInterface } from 'node:readline';
import { usage } from '../settings/options.rules.ts';
import { askTerminal } from '../host/ask.ts';

/** One line that the user types; nothing where the input ends first. */
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
 * Shows what will be done, and whether the user wants that.
 * @throws UserError E_USAGE where nobody can be asked.
 */
export async function confirm(plan: readonly string[], yes: boolean): Promise<boolean> {
  process.stderr.write(`${plan.join('\n')}\n`);
  if (yes) return true;
  const ask = askTerminal();
  if (ask === undefined) throw usage('nothing was changed: without a terminal, say --yes');
  return (await ask('Do that?', ['yes', 'no'])) === 'yes';
}
