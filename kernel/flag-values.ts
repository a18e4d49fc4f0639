/** The values of flags: each is checked against its flag in the table. */

import type { Flag, Flags, ValuesOf } from './commands.ts';
import { suggest } from './suggest.ts';
import { usageError } from './usage.ts';

/** A flag as it was written. */
type Written = {
  readonly call: string;
  readonly name: string;
  readonly value: string | undefined;
  /** Whether the value followed a `=`. */
  readonly inlineValue: boolean | undefined;
};

/**
 * Adds one flag to the values. `--x` and `--no-x` replace each other: the later one counts.
 * @throws UserError E_USAGE for a missing, empty, repeated or wrong value.
 */
export function addValue(values: Record<string, unknown>, flag: Flag, written: Written): void {
  const { call, name, value } = written;
  delete values[name.startsWith('no-') ? name.slice(3) : `no-${name}`];
  if (flag.type === 'boolean') {
    if (value !== undefined)
      throw usageError(call, `--${name} takes no value, got ${JSON.stringify(value)}`);
    values[name] = true;
    return;
  }
  const text = textOf(flag.value, written);
  const before = values[name];
  if (flag.type === 'list') {
    const more = flag.commas === true ? text.split(',').filter((one) => one !== '') : [text];
    if (more.length === 0) throw emptyValue(written, flag.value);
    values[name] = [...(Array.isArray(before) ? before : []), ...more];
    return;
  }
  if (before !== undefined)
    throw usageError(
      call,
      `--${name} is repeated: ${JSON.stringify(before)} and ${JSON.stringify(text)}`,
      'give it once',
    );
  values[name] =
    flag.type === 'number' ? numberOf(flag, written, text) : choiceOf(flag, written, text);
}

/**
 * Adds the values of flags that the line leaves out.
 * @throws UserError E_USAGE if the line leaves out a required flag.
 */
export function addMissing(values: Record<string, unknown>, flags: Flags, call: string): void {
  for (const [name, flag] of Object.entries(flags)) {
    if (values[name] !== undefined) continue;
    if (flag.type === 'number' && flag.initial !== undefined) values[name] = flag.initial;
    if ('required' in flag && flag.required)
      throw usageError(call, `--${name} <${flag.value}> is required`, flag.help);
  }
}

/** Whether each value has the type of its flag. */
export function areValues<F extends Flags>(values: unknown, flags: F): values is ValuesOf<F> {
  return (
    typeof values === 'object' &&
    values !== null &&
    Object.entries(values).every(([name, value]) => {
      const type = flags[name]?.type;
      return type === 'list' ? Array.isArray(value) : typeof value === type;
    })
  );
}

/** The text of a value. A word that looks like a flag is taken only behind a `=`; a negative number always. */
function textOf(expected: string, written: Written): string {
  const { call, name, value, inlineValue } = written;
  const isValue = inlineValue === true || value === '-' || !/^-(?!\d)/.test(value ?? '-x');
  if (value === undefined || !isValue) {
    const advice =
      value === undefined || value === '--'
        ? `write --${name} <${expected}>`
        : `write --${name} <${expected}>, or --${name}=${value} if this is the value`;
    const found = value === undefined ? '' : `, but ${JSON.stringify(value)} follows`;
    throw usageError(call, `--${name} needs a value${found}`, advice);
  }
  if (value === '') throw emptyValue(written, expected);
  return value;
}

function emptyValue({ call, name, value }: Written, expected: string): Error {
  return usageError(
    call,
    `--${name} has an empty value: ${JSON.stringify(value)}`,
    `write --${name} <${expected}>, or leave it out`,
  );
}

function numberOf(
  { minimum, maximum }: Flag & { readonly type: 'number' },
  { call, name }: Written,
  text: string,
): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (number >= minimum && number <= maximum) return number;
  throw usageError(
    call,
    `--${name}: expected a whole number from ${minimum} to ${maximum}, got ${JSON.stringify(text)}`,
  );
}

function choiceOf(
  { choices }: Flag & { readonly type: 'string' },
  { call, name }: Written,
  text: string,
): string {
  if (choices === undefined || choices.includes(text)) return text;
  const meant = suggest(text, choices);
  throw usageError(
    call,
    `--${name}: expected ${choices.join(', ')}, got ${JSON.stringify(text)}`,
    meant === undefined ? undefined : `did you mean ${meant}?`,
  );
}
