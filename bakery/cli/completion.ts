/** The verb `completion`: prints completion scripts, and the words that can follow on a command line. */

import { candidates, type LookUp } from '@ai-bakery/kernel/command-completion.ts';
import { completionScript, filesMark, shells } from '@ai-bakery/kernel/completion-script.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { usageError } from '@ai-bakery/kernel/usage.ts';
import { openCheckout } from '../catalogue/checkout.ts';
import { program } from './commands.rules.ts';
import { print } from './flags.ts';

/** @throws UserError E_USAGE without a shell. */
export function printScript(name: string | undefined): number {
  const shell = shells.find((one) => one === name);
  if (shell === undefined)
    throw usageError('bakery completion', '<shell> is missing', `name one of ${shells.join(', ')}`);
  print(completionScript(shell, 'bakery'));
  return 0;
}

/** @param typed the words after `bakery`; the last one is being typed, and may be empty. */
export async function printCandidates(
  typed: readonly string[],
  root: string | undefined,
): Promise<number> {
  const { words, files } = await candidates(program, typed, lookUp(rootOf(typed) ?? root));
  const lines = [...words, ...(files ? [filesMark] : [])];
  if (lines.length > 0) print(lines.join('\n'));
  return 0;
}

/** The checkout that the typed words name. */
function rootOf(typed: readonly string[]): string | undefined {
  const line = typed.slice(0, -1).join('\n').replaceAll('\n=\n', '=');
  return /(?:^|\n)--root[=\n]([^\n]+)/.exec(line)?.[1];
}

/** Names of the checkout's catalogue; empty without a checkout. */
function lookUp(root: string | undefined): LookUp {
  return async (source) => {
    const { agents, runtimes } = await readNames(root);
    switch (source) {
      case 'agents':
        return agents;
      case 'runtimes':
        return runtimes;
      case 'layers':
        return [
          ...agents.map((name) => `agent/${name}`),
          ...runtimes.map((name) => `runtime/${name}`),
        ];
      case 'files':
      case 'sessions':
      case 'commits':
        return [];
    }
  };
}

async function readNames(root: string | undefined) {
  try {
    const { agents, runtimes } = (await openCheckout(root, 'accept')).catalogue;
    return { agents: agents.map(({ name }) => name), runtimes: runtimes.map(({ name }) => name) };
  } catch (error) {
    if (error instanceof UserError) return { agents: [], runtimes: [] };
    throw error;
  }
}
