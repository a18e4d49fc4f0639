/** The words that can follow on a command line, by the table of commands. */

import {
  type Flag,
  type Flags,
  type Program,
  type Source,
  startName,
  type Verb,
} from './commands.ts';

/** Looks up the words of a source, for the verb or start whose other words are given. */
export type LookUp = (
  source: Exclude<Source, readonly string[]>,
  words: readonly string[],
) => Promise<readonly string[]>;

export type Candidates = {
  readonly words: readonly string[];
  /** Whether names of files can follow as well. */
  readonly files: boolean;
};

const none: Candidates = { words: [], files: false };

/**
 * The candidates for the last word, which is being typed and may be empty. Sources are looked up only if their words can follow.
 * @param typed the words after the program's name, as bash, zsh or fish split them.
 */
export async function candidates(
  program: Program,
  typed: readonly string[],
  lookUp: LookUp,
): Promise<Candidates> {
  const words = joined(typed);
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? '';
  const place = placeOf(program, before);
  if (before.includes('--')) return { words: [], files: place.verb?.rest !== undefined };
  const [, name = '', value] = /^--([^=]+)=(.*)$/s.exec(last) ?? [];
  const [flag, prefix] =
    value === undefined
      ? [flagNamed(place.flags, words.at(-2)), '']
      : [flagNamed(place.flags, `--${name}`), `--${name}=`];
  const found =
    flag === undefined || flag.type === 'boolean'
      ? await wordsAt(program, place, last, lookUp)
      : await valuesOf(flag, value ?? last, place.words, lookUp);
  const all = found.words.map((word) => `${prefix}${word}`);
  // bash split the word at `=`, and replaces only the part behind it.
  const cut = typed.length === words.length ? '' : prefix;
  return {
    words: [...new Set(all)]
      .filter((word) => word.startsWith(last) && isPlain(word))
      .map((word) => word.slice(cut.length)),
    files: found.files,
  };
}

/** The point that a command line has reached. */
type Place = {
  readonly name: string | undefined;
  readonly verb: Verb | undefined;
  readonly flags: Flags;
  /** Words of the verb so far. */
  readonly words: readonly string[];
  readonly isFirst: boolean;
};

/** Joins the words that bash splits at `=`: `--git`, `=`, `n` → `--git=n`. */
function joined(words: readonly string[]): readonly string[] {
  const all: string[] = [];
  for (const [at, word] of words.entries()) {
    const last = all.length - 1;
    if (word === '=' && all[last]?.startsWith('--') === true) all[last] += '=';
    else if (words[at - 1] === '=' && all[last]?.endsWith('=') === true) all[last] += word;
    else all.push(word);
  }
  return all;
}

function placeOf(program: Program, before: readonly string[]): Place {
  const { common, start, verbs } = program;
  const name = nameOf(program, before);
  const verb = name === startName ? start : verbs[name ?? ''];
  const flags = { ...verb?.flags, ...common };
  const taken = name === undefined || name === startName ? 0 : name.split(' ').length;
  return {
    name,
    verb,
    flags,
    words: plainWords(flags, before).slice(taken),
    isFirst: before.length === 0,
  };
}

/** The verb or group that a line names so far. With a start, only the first word can be one. */
function nameOf(
  { common, start, verbs, groups }: Program,
  before: readonly string[],
): string | undefined {
  const [first = '', second = ''] = start === undefined ? plainWords(common, before) : before;
  const known = [`${first} ${second}`, first].find(
    (one) => Object.hasOwn(verbs, one) || Object.hasOwn(groups, one),
  );
  return known ?? (start === undefined ? undefined : startName);
}

/** The words of a line that are neither flags nor their values. */
function plainWords(flags: Flags, line: readonly string[]): readonly string[] {
  return line.filter((word, at) => {
    const flag = flagNamed(flags, line[at - 1]);
    return !word.startsWith('-') && (flag === undefined || flag.type === 'boolean');
  });
}

function flagNamed(flags: Flags, word: string | undefined): Flag | undefined {
  const name = word?.startsWith('--') === true ? word.slice(2) : '';
  return Object.hasOwn(flags, name) ? flags[name] : undefined;
}

/** The flags, verbs and words that can follow. */
async function wordsAt(
  { verbs }: Program,
  { name, verb, flags, words, isFirst }: Place,
  last: string,
  lookUp: LookUp,
): Promise<Candidates> {
  const own = Object.entries(flags)
    .filter(([, { forScripts }]) => forScripts !== true)
    .map(([one]) => `--${one}`);
  if (last.startsWith('-')) {
    const pages = name === undefined || name === startName ? ['--version', '--help'] : ['--help'];
    return { words: [...own, ...pages], files: false };
  }
  if (verb === undefined)
    return { words: words.length > 0 ? [] : nextVerbs(verbs, name), files: false };
  const { words: expected = [] } = verb;
  const many = expected.at(-1)?.many === true ? expected.at(-1) : undefined;
  const next = expected[words.length] ?? many;
  const found = await lookedUp(next?.choices ?? next?.from, words, lookUp);
  const others = isFirst
    ? nextVerbs(verbs, undefined)
    : name === startName && next !== undefined
      ? []
      : own;
  return { words: [...others, ...found.words], files: found.files };
}

/** The first words of all verbs, or the second ones of a group's verbs. */
function nextVerbs(verbs: Program['verbs'], group: string | undefined): readonly string[] {
  const names = Object.keys(verbs).map((name) => name.split(' '));
  return group === undefined
    ? names.flatMap(([first]) => first ?? [])
    : names.flatMap(([first, second]) => (first === group ? (second ?? []) : []));
}

/** The values of a flag that can follow; of a list with commas, for the value after the last comma. */
async function valuesOf(
  flag: Exclude<Flag, { readonly type: 'boolean' }>,
  last: string,
  words: readonly string[],
  lookUp: LookUp,
): Promise<Candidates> {
  if (flag.type === 'number') return none;
  const choices = 'choices' in flag ? flag.choices : undefined;
  const found = await lookedUp(choices ?? flag.from, words, lookUp);
  const comma = flag.type === 'list' && flag.commas === true ? last.lastIndexOf(',') + 1 : 0;
  const before = last.slice(0, comma);
  const given = before.split(',');
  return {
    words: found.words.filter((word) => !given.includes(word)).map((word) => `${before}${word}`),
    files: found.files,
  };
}

async function lookedUp(
  source: Source | undefined,
  words: readonly string[],
  lookUp: LookUp,
): Promise<Candidates> {
  if (source === undefined) return none;
  if (source === 'files') return { words: [], files: true };
  return {
    words: typeof source === 'string' ? await lookUp(source, words) : source,
    files: false,
  };
}

/** Whether a word is safe in every shell, because an image or a session may have any name. */
function isPlain(word: string): boolean {
  return /^[\w.@:/=,+-]+$/.test(word);
}
