/** The errors of a wrong command line: each names the verb, the mistake and the way out. */

import type { Flags, Program } from './commands.ts';
import { UserError } from './error.ts';
import { suggest } from './suggest.ts';

/** @param call the program and the verb, e.g. `ai-run ps`. */
export function usageError(call: string, message: string, advice?: string): UserError {
  const more = `${call} --help`;
  return new UserError('E_USAGE', `${call}: ${message}`, {
    hint: advice === undefined ? more : `${advice} (${more})`,
  });
}

/** @param advice used if no flag has a similar name. */
export function unknownFlag(call: string, flag: string, flags: Flags, advice?: string): UserError {
  const names = [...Object.keys(flags), 'help'];
  const meant = suggest(flag.replace(/^-+/, ''), names);
  const shown = meant === undefined ? advice : `did you mean --${meant}?`;
  return usageError(call, `unknown flag ${JSON.stringify(flag)}`, shown);
}

export function unknownVerb({ name, verbs, groups }: Program, word: string): UserError {
  const meant =
    suggest(word, [...Object.keys(verbs), ...Object.keys(groups)]) ??
    suggest(word, ['help', 'version'])?.replace(/^/, '--');
  return usageError(
    name,
    `unknown verb ${JSON.stringify(word)}`,
    meant === undefined ? undefined : `did you mean ${name} ${meant}?`,
  );
}
