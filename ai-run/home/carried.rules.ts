/** Merges a user's own settings of an agent into the agent's files: only values that the contract lists. */

import type { Contract } from '@ai-bakery/kernel/contract.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';

/** Texts, numbers and booleans only: an object could contain a command. */
type Value = string | number | boolean | readonly string[];

/** Values by key, like `ui.theme`. */
export type Values = Readonly<Record<string, Value>>;

type Json = Record<string, unknown>;

export type HostConfig = Contract['hostConfig'][number];

/** The values of these keys in a JSON file; undefined if the text is not a JSON object, or has comments. */
export function pick(text: string, keys: readonly string[]): Values | undefined {
  const object = parse(text);
  if (object === undefined) return undefined;
  const found = keys.map((key) => [key, valueAt(object, key)] as const);
  return Object.fromEntries(found.filter((pair): pair is [string, Value] => isValue(pair[1])));
}

/**
 * Merges the user's values into the agent's file. The agent's changes take precedence: a value is written if the file does not
 * have it, or if it is unchanged since the last session. Values that the agent changed or removed stay so.
 * @param file the text of the agent's file; undefined if it does not exist
 * @param before the values carried by the last session
 * @returns the new text and the values carried so far; undefined if the file is not a JSON object.
 */
export function carryValues(
  file: string | undefined,
  before: Values,
  values: Values,
): { readonly text: string; readonly carried: Values } | undefined {
  const object = parse(file ?? '{}');
  if (object === undefined) return undefined;
  const carried: Record<string, Value> = {};
  let changed = false;
  for (const key of new Set([...Object.keys(before), ...Object.keys(values)])) {
    const [was, is, here] = [own(before, key), own(values, key), valueAt(object, key)];
    const isOurs = file === undefined || same(here, was);
    if (isOurs && !same(here, is)) {
      change(object, key, isValue(is) ? is : undefined);
      changed = true;
    }
    const remembered = isOurs ? is : was;
    if (isValue(remembered)) carried[key] = remembered;
  }
  const text = file === undefined || changed ? `${JSON.stringify(object, undefined, 2)}\n` : file;
  return { text, carried };
}

/** The same for a file that is carried as a whole. */
export function carryText(
  file: string | undefined,
  before: unknown,
  text: string,
): { readonly text: string; readonly carried: string | undefined } {
  return file === undefined || file === before || file === text
    ? { text, carried: text }
    : { text: file, carried: typeof before === 'string' ? before : undefined };
}

/** Whether a file belongs to this agent: an image must not read the files of other programs. */
export function isOwnFile(agent: string, { path, format }: HostConfig): boolean {
  return (
    [`.${agent}.`, `.${agent}/`, `.config/${agent}/`].some((start) => path.startsWith(start)) &&
    (format !== 'text' || path.endsWith('.md'))
  );
}

/** Whether a value is what was picked before, as {@link pick} returns it. */
export function isValues(value: unknown): value is Values {
  return isObject(value) && Object.values(value).every(isValue);
}

function parse(text: string): Json | undefined {
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
}

function valueAt(object: Json, key: string): unknown {
  return key.split('.').reduce<unknown>(own, object);
}

function isValue(value: unknown): value is Value {
  return (
    ['string', 'number', 'boolean'].includes(typeof value) ||
    (Array.isArray(value) && value.every((one) => typeof one === 'string'))
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: unknown, key: string): unknown {
  return isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Sets or removes a value; does nothing if a value on the path is not an object. */
function change(object: Json, key: string, value: Value | undefined): void {
  const names = key.split('.');
  const last = names.pop() ?? '';
  let at = object;
  for (const name of names) {
    const next = own(at, name) ?? (at[name] = {});
    if (!isObject(next)) return;
    at = next;
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
}
