/** The help pages of a program, made from its table of commands. */

import {
  type Example,
  type Flag,
  type Flags,
  type Note,
  type Program,
  startName,
  type Verb,
  type Word,
} from './commands.ts';

const width = 98;

/** A label and its text, side by side. */
type Row = readonly [label: string, text: string];

const helpRow: Row = ['-h, --help', 'show this page'];
const versionRow: Row = ['-V, --version', 'print the version'];

/** @param name a verb, a group, {@link startName}, or undefined for the page of the program. */
export function helpPage(program: Program, name: string | undefined): string {
  if (name === undefined) return programPage(program);
  if (name === startName && program.start !== undefined)
    return verbPage(program, '', program.start, [versionRow, helpRow]);
  const verb = program.verbs[name];
  return verb === undefined ? groupPage(program, name) : verbPage(program, name, verb, [helpRow]);
}

/** The words of a call after the program and the verb, e.g. `[flags] <session>...`. */
export function usageOf({ words = [], flags, rest }: Verb): string {
  return [
    ...(Object.keys(flags).length === 0 ? [] : ['[flags]']),
    ...words.map(wordLabel),
    ...(rest === undefined ? [] : [`[-- ${rest.name}]`]),
  ].join(' ');
}

/** `--runtime <name>`, `-h, --help`. */
export function flagLabel(name: string, flag: Flag): string {
  if (flag.type === 'boolean')
    return flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
  return `--${name} <${flag.value}>`;
}

/** The help of a flag with its limits and its default. */
export function flagText(flag: Flag): string {
  return `${flag.help}${facts(flag)}`;
}

export function wordLabel({ name, optional, many }: Word): string {
  const label = `${name}${many === true ? '...' : ''}`;
  return optional === true ? `[${label}]` : `<${label}>`;
}

function programPage(program: Program): string {
  const { name, about, common, start, verbs, examples, notes } = program;
  const calls = start === undefined ? [] : [joined(name, usageOf(start))];
  const more =
    start === undefined
      ? `${name} <verb> --help shows the flags of a verb.`
      : `${name} <verb> --help shows the flags of a verb, ${name} ${start.words?.map(wordLabel).join(' ')} --help more about a start.`;
  return page([
    usage([...calls, `${name} <verb> [flags] [words]`]),
    wrap(about),
    section(
      'Verbs',
      Object.entries(verbs).map(([verb, { words = [], summary }]) => [
        joined(verb, words.map(wordLabel).join(' ')),
        summary,
      ]),
    ),
    ...(start === undefined ? [] : flagSections(start.flags, [])),
    section('Flags of every verb', [...flagRows(common), versionRow, helpRow]),
    exampleSection(examples),
    ...notes.map(noteText),
    wrap(more),
  ]);
}

function groupPage({ name, verbs, groups }: Program, word: string): string {
  const own = Object.entries(verbs).filter(([verb]) => verb.startsWith(`${word} `));
  const group = groups[word];
  return page([
    usage(own.map(([verb, { words = [] }]) => joined(name, verb, words.map(wordLabel).join(' ')))),
    wrap(group?.about ?? ''),
    section(
      'Verbs',
      own.map(([verb, { summary }]) => [verb, summary]),
    ),
    exampleSection(own.flatMap(([, { examples = [] }]) => examples)),
    ...(group?.notes ?? []).map(noteText),
  ]);
}

function verbPage(program: Program, name: string, verb: Verb, last: readonly Row[]): string {
  const { words = [], rest, flags, about, examples = [], notes = [] } = verb;
  const named = [...words, ...(rest === undefined ? [] : [rest])];
  return page([
    usage([joined(program.name, name, usageOf(verb))]),
    wrap(about ?? sentence(verb.summary)),
    section(
      'Words',
      named.map((word): Row => [word === rest ? `-- ${word.name}` : wordLabel(word), word.help]),
    ),
    ...flagSections(flags, [...flagRows(program.common), ...last]),
    exampleSection(examples),
    ...notes.map(noteText),
  ]);
}

/** Flags under their headings; flags without one come first, the given rows last. */
function flagSections(flags: Flags, last: readonly Row[]): readonly string[] {
  const titles = [...new Set(Object.values(flags).map(({ group }) => group ?? 'Flags'))];
  const sections = titles.map((title): [string, readonly Row[]] => [
    title,
    flagRows(
      Object.fromEntries(
        Object.entries(flags).filter(([, { group = 'Flags' }]) => group === title),
      ),
    ),
  ]);
  const only = sections.length === 1 && titles[0] === 'Flags';
  const all: readonly [string, readonly Row[]][] = only
    ? [['Flags', [...(sections[0]?.[1] ?? []), ...last]]]
    : [...sections, [titles.length === 0 ? 'Flags' : 'Flags of every verb', last]];
  const column = columnOf(all.flatMap(([, rows]) => rows));
  return all.map(([title, rows]) => section(title, rows, column));
}

function flagRows(flags: Flags): readonly Row[] {
  return Object.entries(flags).map(([name, flag]) => [flagLabel(name, flag), flagText(flag)]);
}

/** Conditions of a value, in brackets. */
function facts(flag: Flag): string {
  if (flag.type === 'boolean') return '';
  if (flag.type === 'number')
    return flag.initial === undefined ? '' : ` (default: ${flag.initial})`;
  const all = [
    ...(flag.required === true ? ['required'] : []),
    ...(flag.type === 'list'
      ? [flag.commas === true ? 'comma-separated, or repeated' : 'repeatable']
      : []),
    ...(flag.default === undefined ? [] : [`default: ${flag.default}`]),
  ];
  return all.length === 0 ? '' : ` (${all.join('; ')})`;
}

function usage(calls: readonly string[]): string {
  return `Usage: ${calls.join('\n       ')}`;
}

function exampleSection(examples: readonly Example[]): string {
  return section(
    'Examples',
    examples.map(({ line, note = '' }): Row => [line, note]),
    columnOf(
      examples.filter(({ note }) => note !== undefined).map(({ line }): Row => [line, '']),
      60,
    ),
  );
}

/** Rows below a title. A label that is too wide gets a line of its own. */
function section(title: string, rows: readonly Row[], column = columnOf(rows)): string {
  if (rows.length === 0) return '';
  const lines = rows.map(([label, text]) => {
    const own = `  ${label}`;
    if (text === '') return own;
    const body = wrap(text, width - column).replaceAll('\n', `\n${' '.repeat(column)}`);
    return own.length + 2 > column
      ? `${own}\n${' '.repeat(column)}${body}`
      : `${own.padEnd(column)}${body}`;
  });
  return [`${title}:`, ...lines].join('\n');
}

/** The column of the texts, after the widest label that leaves them room. */
function columnOf(rows: readonly Row[], limit = 26): number {
  const fitting = rows.map(([label]) => label.length).filter((length) => length <= limit);
  return Math.max(8, ...fitting) + 4;
}

function noteText({ title, text }: Note): string {
  return title === undefined ? wrap(text) : wrap(`${title}: ${text}`).replaceAll('\n', '\n  ');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Breaks lines between words. Text between backticks is one word. */
function wrap(text: string, limit = width - 2): string {
  const lines: string[] = [];
  for (const word of text.match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= limit)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

function joined(...words: readonly string[]): string {
  return words.filter((word) => word !== '').join(' ');
}

function page(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}
