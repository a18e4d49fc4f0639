import type { Contract } from './contract.ts';
import { parseJson } from './json.ts';

/**
 * What of a user's own configuration of an agent is carried into its sandbox: values that the contract lists by name, and
 * only texts, numbers and choices. A value that is an object could hold a command as well.
 */
type Value = string | number | boolean | readonly string[];

/** Values by key, like `ui.theme`. */
export type Values = Readonly<Record<string, Value>>;

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isValue = (value: unknown): value is Value =>
  ['string', 'number', 'boolean'].includes(typeof value) ||
  (Array.isArray(value) && value.every((one) => typeof one === 'string'));

const parse = (text: string): Json | undefined => {
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
};

const own = (object: unknown, key: string): unknown =>
  isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;

const valueAt = (object: Json, key: string): unknown => key.split('.').reduce<unknown>(own, object);

/** Sets a value, or removes it; not where something else than an object is in the way. */
const change = (object: Json, key: string, value: Value | undefined): void => {
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
};

/** The values of a JSON file that may be carried, or nothing where it is no JSON object: one with comments is none. */
export const pick = (text: string, keys: readonly string[]): Values | undefined => {
  const object = parse(text);
  if (object === undefined) return undefined;
  const found = keys.map((key) => [key, valueAt(object, key)] as const);
  return Object.fromEntries(found.filter((pair): pair is [string, Value] => isValue(pair[1])));
};

const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/**
 * The agent's own file with the user's values in it. The agent's word goes first: a value is written where there is none,
 * or where it still is what was carried before. What the agent changed or removed stays so.
 * @param file the text of the agent's file, where there is one
 * @param before what was carried the last time
 * @returns the new text, and what is carried by now; nothing where the file is no JSON object.
 */
export const carryValues = (
  file: string | undefined,
  before: Values,
  values: Values,
): { readonly text: string; readonly carried: Values } | undefined => {
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
};

/** The same for a text that is carried as a whole. */
export const carryText = (
  file: string | undefined,
  before: unknown,
  text: string,
): { readonly text: string; readonly carried: string | undefined } =>
  file === undefined || file === before || file === text
    ? { text, carried: text }
    : { text: file, carried: typeof before === 'string' ? before : undefined };

export type HostConfig = Contract['hostConfig'][number];

/** Whether a file is this agent's own: an image that asks for another's wants what is not meant for it. */
export const isOwnFile = (agent: string, { path, format }: HostConfig): boolean =>
  [`.${agent}.`, `.${agent}/`, `.config/${agent}/`].some((start) => path.startsWith(start)) &&
  (format !== 'text' || path.endsWith('.md'));
