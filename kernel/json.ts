/** JSON from files and from other programs: the only place that parses it. */

import { UserError } from './error.ts';

/** A zod schema, or a function that returns undefined for a value of another shape. */
export type Shape<T> = Schema<T> | ((value: unknown) => T | undefined);

type Schema<T> = { safeParse(value: unknown): Parsed<T> };

type Parsed<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } };

type Issue = { readonly path: readonly PropertyKey[]; readonly message: string };

/**
 * Parses JSON; returns undefined if the text is invalid, or if its value has another shape. A function as the shape
 * loads nothing, so starts of ai-run use those.
 */
export function parseJson(text: string): unknown;
export function parseJson<T>(text: string, shape: Shape<T>): T | undefined;
export function parseJson<T>(text: string, shape?: Shape<T>): unknown {
  const value = valueOf(text)?.value;
  if (shape === undefined) return value;
  const parsed = shaped(value, shape);
  return parsed.success ? parsed.data : undefined;
}

/**
 * Parses the JSON in an answer that must have this shape.
 * @param source the program or server that answers, e.g. `docker ps`.
 * @throws UserError E_ANSWER
 */
export function parseAnswer<T>(text: string, shape: Shape<T>, source: string, hint?: string): T {
  const found = valueOf(text);
  const refused = (fault: string): UserError =>
    new UserError(
      'E_ANSWER',
      `unexpected answer from ${source}: ${fault}`,
      hint === undefined ? {} : { hint },
    );
  if (found === undefined) throw refused(text.trim() === '' ? 'it is empty' : 'it is not JSON');
  const parsed = shaped(found.value, shape);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue === undefined) throw refused('its fields are unknown');
  throw refused(
    [...(issue.path.length === 0 ? [] : [issue.path.join('.')]), issue.message].join(': '),
  );
}

/** Returns an object whose values are all texts; undefined for any other value. */
export function textsOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? Object.fromEntries(entries)
    : undefined;
}

function valueOf(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function shaped<T>(value: unknown, shape: Shape<T>): Parsed<T> {
  if (typeof shape !== 'function') return shape.safeParse(value);
  const data = shape(value);
  return data === undefined ? { success: false, error: { issues: [] } } : { success: true, data };
}
