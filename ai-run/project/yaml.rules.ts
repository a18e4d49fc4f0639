/** The parser of the YAML subset that settings need; everything else is an error. */

import { UserError } from '@ai-bakery/kernel/error.ts';

/** A value and its line, from 1. */
export type Scalar = { readonly value: string | number | boolean; readonly line: number };

export type Entry = {
  readonly key: string;
  readonly line: number;
  readonly value: Scalar | readonly Scalar[];
};

/** Makes the error for a line. */
type Refuse = (what: string) => UserError;

// They include tabs, escape sequences and characters that change the direction of text. Settings do not need them, and a
// question to the user could display them.
const unseen = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

const indicator = /^[-?:,[\]{}#&*!|>'"%@`]/;

const numbers: readonly RegExp[] = [/^(?:0|[1-9]\d{0,14})$/, /^(?:0|[1-9]\d{0,8})\.\d{1,6}$/];

// The core schema's other spellings of numbers and booleans: yaml.org/spec/1.2.2, 10.3.2.
const otherWords: readonly RegExp[] = [
  /^[-+]?\d+$/,
  /^0o[0-7]+$/,
  /^0x[\da-fA-F]+$/,
  /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/,
  /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/,
  /^(?:True|TRUE|False|FALSE)$/,
];

/**
 * Parses a YAML document in the subset that settings need: one mapping of keys to scalars and to lists of scalars, with
 * comments. Accepted text means the same to every YAML 1.2 parser (core schema); everything else is an error.
 * @param file the name for messages.
 * @throws UserError E_PROJECT_FILE with the line.
 */
export function parseYaml(text: string, file: string): readonly Entry[] {
  const entries = new Map<string, Entry>();
  let open: { key: string; line: number; indent?: number; readonly items: Scalar[] } | undefined;
  const at =
    (line: number): Refuse =>
    (what) =>
      new UserError('E_PROJECT_FILE', `${file}, line ${line}: ${what}`, {
        hint: `correct ${file}`,
      });
  const close = (): void => {
    if (open === undefined) return;
    const { key, line, items } = open;
    if (items.length === 0) throw at(line)(`${key}: a value is missing`);
    entries.set(key, { key, line, value: items });
    open = undefined;
  };
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const refuse = at(line);
    const [hidden] = unseen.exec(content) ?? [];
    if (hidden !== undefined) {
      const code = (hidden.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      throw refuse(hidden === '\t' ? 'a tab: use spaces' : `an invisible character, U+${code}`);
    }
    if (/^ *(?:#|$)/.test(content)) continue;
    const [, spaces, item = ''] = /^( *)-(?: +(.*))?$/.exec(content) ?? [];
    if (spaces !== undefined) {
      if (open === undefined) throw refuse('expected a key without a value above the list');
      if (spaces.length !== (open.indent ?? spaces.length))
        throw refuse('indent all items of a list equally');
      open.indent = spaces.length;
      open.items.push({ value: scalar(item, refuse), line });
      continue;
    }
    const [, key, value = ''] = /^([a-z][a-z-]*):(?: +(.*))?$/.exec(content) ?? [];
    if (key === undefined || /^(?:true|false|null)$/.test(key)) throw refuse(noKey(content));
    close();
    const before = entries.get(key);
    if (before !== undefined) throw refuse(`${key}: already set on line ${before.line}`);
    if (value === '' || value.startsWith('#')) open = { key, line, items: [] };
    else if (value.startsWith('[')) {
      const items = list(value, refuse).map((one) => ({ value: one, line }));
      entries.set(key, { key, line, value: items });
    } else entries.set(key, { key, line, value: { value: scalar(value, refuse), line } });
  }
  close();
  return [...entries.values()];
}

/** Parses a list like `[a, "b"]`, which must be closed on its line. */
function list(text: string, refuse: Refuse): readonly Scalar['value'][] {
  const items: Scalar['value'][] = [];
  let rest = text.slice(1).trimStart();
  while (items.length > 0 || !rest.startsWith(']')) {
    if (/^[,\]]/.test(rest)) throw refuse('a value is missing');
    const item = take(rest, endInList, refuse);
    items.push(item.value);
    rest = item.rest.trimStart();
    if (rest.startsWith(']')) break;
    if (!rest.startsWith(',')) throw refuse('expected , or ] after the value');
    rest = rest.slice(1).trimStart();
  }
  noMore(rest.slice(1), refuse);
  return items;
}

function scalar(text: string, refuse: Refuse): Scalar['value'] {
  const { value, rest } = take(text, endOfPlain, refuse);
  noMore(rest, refuse);
  return value;
}

function noKey(line: string): string {
  if (/^(?:---|\.\.\.|%)/.test(line)) return 'expected one document without directives and markers';
  if (line.startsWith(' ')) return 'only items of a list may be indented, with "- " before them';
  return 'expected "key: value", the key in lower-case letters and hyphens';
}

/** Returns the value at the beginning of a text, and the rest; `end` returns the length of a plain value. */
function take(
  text: string,
  end: (text: string) => number,
  refuse: Refuse,
): { readonly value: Scalar['value']; readonly rest: string } {
  const [, double] = /^"((?:[^"\\]|\\["\\])*)"/.exec(text) ?? [];
  if (double !== undefined) {
    const value = double.replaceAll(/\\(["\\])/g, '$1');
    return { value, rest: text.slice(double.length + 2) };
  }
  const [, single] = /^'((?:[^']|'')*)'/.exec(text) ?? [];
  if (single !== undefined)
    return { value: single.replaceAll("''", "'"), rest: text.slice(single.length + 2) };
  if (text.startsWith('"'))
    throw refuse(
      String.raw`the quote is not closed, or contains \ before a character other than \ and "`,
    );
  if (text.startsWith("'")) throw refuse('the quote is not closed on its line');
  if (text === '') throw refuse('a value is missing');
  if (indicator.test(text)) throw refuse(`put a value that begins with ${text[0]} in quotes`);
  const length = end(text);
  const plain = text.slice(0, length).trimEnd();
  if (/:(?: |$)/.test(plain))
    throw refuse('put a value that contains a colon and a space in quotes');
  return { value: resolve(plain, refuse), rest: text.slice(length) };
}

function endInList(text: string): number {
  const end = text.search(/[,[\]{}]| #/);
  return end === -1 ? text.length : end;
}

function noMore(rest: string, refuse: Refuse): void {
  if (rest.trimEnd() !== '' && !/^ +#/.test(rest)) throw refuse('unexpected text after the value');
}

function resolve(text: string, refuse: Refuse): Scalar['value'] {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^(?:~|null|Null|NULL)$/.test(text)) throw refuse('a value is missing');
  if (numbers.some((number) => number.test(text))) return Number(text);
  if (otherWords.some((word) => word.test(text)))
    throw refuse('write true, false or a plain decimal number, or put text in quotes');
  return text;
}

function endOfPlain(text: string): number {
  const comment = text.indexOf(' #');
  return comment === -1 ? text.length : comment;
}
