import type { Contract } from '@ai-bakery/kernel/contract.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';

/**
 * What of a user's own configuration of an agent is carried into its sandbox: values that the contract lists by name, and
 * only texts, numbers and choices. A value that is an object could hold a command as well.
 */
type Value = string | number | boolean | readonly string[];

/** Values by key, like `ui.theme`. */
export type Values = Readonly<Record<string, Value>>;

type Json = Record<string, unknown>;

export type HostConfig = Contract['hostConfig'][number];

/** The values of a JSON file that may be carried, or nothing where it is no JSON object: one with comments is none. */
export function pick(text: string, keys: readonly string[]): Values | undefined {
  const object = parse(text);
  if (object === undefined) return undefined;
  const found = keys.map((key) => [key, valueAt(object, key)] as const);
  return Object.fromEntries(found.filter((pair): pair is [string, Value] => isValue(pair[1])));
}

/**
 * The agent's own file with the user's values in it. The agent's word goes first: a value is written where there is none,
 * or where it still is what was carried before. What the agent changed or removed stays so.
 * @param file the text of the agent's file, where there is one
 * @param before what was carried the last time
 * @returns the new text, and what is carried by now; nothing where the file is no JSON object.
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

/** The same for a text that is carried as a whole. */
export function carryText(
  file: string | undefined,
  before: unknown,
  text: string,
): { readonly text: string; readonly carried: string | undefined } {
  return file === undefined || file === before || file === text
    ? { text, carried: text }
    : { text: file, carried: typeof before === 'string' ? before : undefined };
}

/** Whether a file is this agent's own: an image that asks for another's wants what is not meant for it. */
export function isOwnFile(agent: string, { path, format }: HostConfig): boolean {
  return (
    [`.${agent}.`, `.${agent}/`, `.config/${agent}/`].some((start) => path.startsWith(start)) &&
    (format !== 'text' || path.endsWith('.md'))
  );
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

/** Sets a value, or removes it; not where something else than an object is in the way. */
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
