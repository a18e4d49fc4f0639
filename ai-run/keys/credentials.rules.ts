/** The environment variables with credentials that an agent gets. */

import type { Contract } from '@ai-bakery/kernel/contract.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Part } from '../part.rules.ts';
import {
  isVariableName,
  valueOf,
  type Variables,
  whyReserved,
} from '@ai-bakery/kernel/variable.ts';

export type Wallet = {
  readonly contract: Pick<Contract, 'credentials'>;
  readonly env: Variables;
  /** The variables of `~/.ai-env`; the environment takes precedence. */
  readonly file: Variables;
  /** The names given by `--env`. */
  readonly extra: readonly string[];
};

/**
 * The credentials that an agent gets: the variables that its contract or the user names, if they are set.
 * @throws UserError E_USAGE for a user's name that is invalid, includes a value, or would change how docker or the container
 *   works.
 */
export function credentials({ contract, env, file, extra }: Wallet): Part {
  const asked = contract.credentials.flatMap(({ env: name, baseUrl }) =>
    baseUrl === undefined ? [name] : [name, baseUrl],
  );
  const added = [...new Set(extra.map(checkName))];
  const secrets: Record<string, string> = {};
  for (const name of [...asked, ...added]) {
    const value = valueOf(env, name) ?? valueOf(file, name);
    if (value !== undefined) secrets[name] = value;
  }
  const missing = added.filter((name) => !Object.hasOwn(secrets, name));
  const passed = added.filter((name) => Object.hasOwn(secrets, name) && !asked.includes(name));
  return {
    secrets,
    notes: [
      ...missing.map((name) => `${name} is set neither in the environment nor in ~/.ai-env`),
      ...(passed.length === 0 ? [] : [`the agent also gets ${passed.join(', ')}`]),
    ],
  };
}

/** Checks a name given by `--env`. An invalid name is not printed: it may be a secret typed in the wrong place. */
function checkName(word: string): string {
  const [name = '', value] = word.split('=', 2);
  const known = isVariableName(name);
  if (value !== undefined) {
    throw refused(
      `--env ${known ? name : 'NAME'}: takes a name without a value, because every process of this machine can read a command line`,
      `set ${known ? name : 'NAME'} in the environment or in ~/.ai-env, and pass its name`,
    );
  }
  if (!known) {
    throw refused(
      '--env: expected the name of a variable: letters, digits and _, not starting with a digit',
      'pass a name, like --env MY_API_KEY',
    );
  }
  const reason = whyReserved(name);
  if (reason !== undefined) {
    throw refused(`--env ${name}: not passed on: ${reason}`, `leave out --env ${name}`);
  }
  return name;
}

function refused(message: string, hint: string): UserError {
  return new UserError('E_USAGE', message, { hint });
}
