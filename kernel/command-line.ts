/** Reads a command line by a table of commands: the verb that it names, then the verb's flags and words. */

import { parseArgs } from 'node:util';
import { type Flags, type Program, startName, type ValuesOf, type Verb } from './commands.ts';
import { addMissing, addValue, areValues } from './flag-values.ts';
import { unknownFlag, unknownVerb, usageError } from './usage.ts';

export type Chosen = {
  /** A verb, a group, {@link startName}, or undefined if the line names no verb. */
  readonly name: string | undefined;
  /** The line without the verb. */
  readonly args: readonly string[];
  /** Requested in place of the verb's work. */
  readonly instead: 'help' | 'version' | undefined;
};

export type Given<F extends Flags> = {
  readonly values: ValuesOf<F>;
  readonly words: readonly string[];
  /** Everything after `--`, if the table has a name for it. */
  readonly rest: readonly string[];
};

/**
 * The verb of a command line. Flags of every verb may precede it.
 * @throws UserError E_USAGE for an unknown verb, with the nearest one as a hint.
 */
export function chooseVerb(program: Program, line: readonly string[]): Chosen {
  const { common, start } = program;
  const instead = insteadOf(line);
  const at = firstWord(common, line);
  const word = line[at];
  const known = word === undefined ? undefined : nameAt(program, line, at);
  if (known !== undefined) {
    const taken = known.split(' ').length;
    return { name: known, args: [...line.slice(0, at), ...line.slice(at + taken)], instead };
  }
  if (start !== undefined) {
    const isNamed = isWord(line[firstWord({ ...common, ...start.flags }, line)]);
    return { name: instead === undefined || isNamed ? startName : undefined, args: line, instead };
  }
  if (isWord(word)) throw unknownVerb(program, word);
  if (instead !== undefined || word === undefined) return { name: undefined, args: line, instead };
  throw unknownFlag(program.name, word, common);
}

/**
 * The flags and words of a verb.
 * @param call the program and the verb, as errors name them.
 * @throws UserError E_USAGE for the first mistake; an unknown flag counts before all others.
 */
export function readVerb<F extends Flags>(
  call: string,
  verb: Verb & { readonly flags: F },
  args: readonly string[],
): Given<F> {
  const { flags }: { readonly flags: F } = verb;
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, typeOf(flag)])),
    strict: false,
    tokens: true,
  });
  const options = tokens.filter((token) => token.kind === 'option');
  const unknown = options.find(({ name }) => !Object.hasOwn(flags, name));
  if (unknown !== undefined) throw unknownFlag(call, unknown.rawName, flags, adviceOf(verb));
  const values: Record<string, unknown> = {};
  for (const option of options) {
    const flag = flags[option.name];
    if (flag !== undefined) addValue(values, flag, { call, ...option });
  }
  addMissing(values, flags, call);
  const end = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? args.length;
  const words = tokens
    .filter((token) => token.kind === 'positional')
    .filter(({ index }) => verb.rest === undefined || index < end)
    .map(({ value }) => value);
  checkWords(call, verb, words);
  if (!areValues(values, flags)) throw new TypeError(`${call}: a value has the wrong type`);
  return { values, words, rest: verb.rest === undefined ? [] : args.slice(end + 1) };
}

/** The page that a line asks for. Everything after `--` is for others. */
function insteadOf(line: readonly string[]): Chosen['instead'] {
  const end = line.indexOf('--');
  const own = end === -1 ? line : line.slice(0, end);
  if (own.includes('--help') || own.includes('-h')) return 'help';
  return own.includes('--version') || own.includes('-V') ? 'version' : undefined;
}

/** The index of the first word that is neither one of these flags nor its value. */
function firstWord(flags: Flags, line: readonly string[]): number {
  let at = 0;
  for (let word = line[at]; word !== undefined && !isWord(word); word = line[at]) {
    const [, name = '', value] = /^--([^=]+)(=)?/.exec(word) ?? [];
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (flag === undefined && insteadOf([word]) === undefined) return at;
    at += flag === undefined || flag.type === 'boolean' || value !== undefined ? 1 : 2;
  }
  return at;
}

function isWord(text: string | undefined): text is string {
  return text !== undefined && !text.startsWith('-');
}

/**
 * The verb or group at a place of a line, or undefined.
 * @throws UserError E_USAGE for an unknown verb of a group.
 */
function nameAt(program: Program, line: readonly string[], at: number): string | undefined {
  const { name, verbs, groups } = program;
  const [first = '', second] = line.slice(at);
  if (Object.hasOwn(verbs, first)) return first;
  if (!Object.hasOwn(groups, first)) return undefined;
  if (second === undefined || insteadOf([second]) !== undefined) return first;
  const both = `${first} ${second}`;
  if (Object.hasOwn(verbs, both)) return both;
  throw isWord(second) ? unknownVerb(program, both) : unknownFlag(`${name} ${first}`, second, {});
}

function typeOf(flag: Flags[string]): { type: 'boolean' | 'string'; short?: string } {
  if (flag.type !== 'boolean') return { type: 'string' };
  return { type: 'boolean', ...(flag.short === undefined ? {} : { short: flag.short }) };
}

/** Advice for an unknown flag that no flag resembles: it may be meant for the program behind `--`. */
function adviceOf({ rest }: Verb): string | undefined {
  return rest === undefined ? undefined : `${rest.name} go after --`;
}

/** @throws UserError E_USAGE for a missing word, for one too many, and for one that is not a choice. */
function checkWords(call: string, { words = [], rest }: Verb, given: readonly string[]): void {
  const missing = words.slice(given.length).find(({ optional }) => optional !== true);
  if (missing !== undefined)
    throw usageError(call, `<${missing.name}> is missing`, `name ${missing.help}`);
  const extra = words.at(-1)?.many === true ? undefined : given[words.length];
  if (extra !== undefined) {
    const count =
      words.length === 0 ? 'no words' : `<${words.map(({ name }) => name).join('> <')}> only`;
    throw usageError(
      call,
      `takes ${count}: ${JSON.stringify(extra)}`,
      rest === undefined ? undefined : `${rest.name} go after --`,
    );
  }
  for (const [at, text] of given.entries()) {
    const word = words[Math.min(at, words.length - 1)];
    if (word?.choices?.includes(text) === false)
      throw usageError(call, `expected ${word.choices.join(', ')}, got ${JSON.stringify(text)}`);
  }
}
