/** The flags of setup and uninstall: agents and shells. */

import { type Shell, shells } from '@ai-bakery/kernel/completion-script.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { usage } from '../settings/options.rules.ts';

/**
 * Parses names of agents, separated by commas or spaces; duplicates are dropped.
 * @throws UserError E_USAGE for an invalid name: a name becomes an alias, so it must not contain anything else.
 */
export function readAgents(text: string): readonly string[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const wrong = names.find(
    (name) => !/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name) || name === 'ai-run',
  );
  if (wrong !== undefined) throw usage(`not the name of an agent: ${JSON.stringify(wrong)}`);
  return [...new Set(names)];
}

/**
 * Returns the shell to set up: the named one, or the user's own.
 * @param login `$SHELL`
 */
export function readShell(flag: string | undefined, login: string | undefined): Shell {
  const name = flag ?? login?.split('/').at(-1) ?? '';
  const found = shells.find((shell) => shell === name);
  if (found !== undefined) return found;
  throw flag === undefined
    ? new UserError(
        'E_SETUP',
        `unsupported shell ${JSON.stringify(login ?? '')}: expected ${shells.join(', ')}`,
        {
          hint: 'choose one of them with --shell',
        },
      )
    : usage(`--shell: expected ${shells.join(', ')}, got ${JSON.stringify(flag)}`);
}
