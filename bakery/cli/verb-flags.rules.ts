/** The flags of a verb as its code reads them: in camel case, with `--no-x` as `x: false`. */

import type { Flag, Flags, ValueOf } from '@ai-bakery/kernel/commands.ts';
import { type VerbName, verbs } from './commands.rules.ts';

/** A flag that is not in the table does not compile. */
export type VerbFlags<Name extends VerbName> = Spelled<(typeof verbs)[Name]['flags']>;

type Spelled<F extends Flags> = {
  readonly [Key in CertainKeys<F>]: ValueAt<F, Key>;
} & {
  readonly [Key in Exclude<Keys<F>, CertainKeys<F>>]?: ValueAt<F, Key>;
};

type Names<F extends Flags> = Extract<keyof F, string>;

type Keys<F extends Flags> = { [Name in Names<F>]: KeyOf<Name> }[Names<F>];

type CertainKeys<F extends Flags> = {
  [Name in Names<F>]: F[Name] extends { readonly required: true } | { readonly initial: number }
    ? KeyOf<Name>
    : never;
}[Names<F>];

type ValueAt<F extends Flags, Key> = {
  [Name in Names<F>]: KeyOf<Name> extends Key
    ? Name extends `no-${string}`
      ? false
      : ValueOf<F[Name]>
    : never;
}[Names<F>];

type KeyOf<Name extends string> = Name extends `no-${infer Rest}` ? Camel<Rest> : Camel<Name>;

type Camel<Name extends string> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : Name;

/** @param values by the names of the table. */
export function spellFlags<Name extends VerbName>(
  name: Name,
  values: Readonly<Record<string, unknown>>,
): VerbFlags<Name> {
  const flags: Flags = verbs[name].flags;
  const spelled = Object.fromEntries(
    Object.entries(values)
      .filter(([flag, value]) => Object.hasOwn(flags, flag) && value !== undefined)
      .map(([flag, value]) => [keyOf(flag), flag.startsWith('no-') ? value !== true : value]),
  );
  if (!areFlags(spelled, name, flags)) throw new TypeError(`${name}: a flag has the wrong type`);
  return spelled;
}

/** Whether each value has the type of its flag. */
function areFlags<Name extends VerbName>(
  spelled: Readonly<Record<string, unknown>>,
  _name: Name,
  flags: Flags,
): spelled is Readonly<Record<string, unknown>> & VerbFlags<Name> {
  return Object.entries(flags).every(([flag, { type }]) => isValue(spelled[keyOf(flag)], type));
}

function isValue(value: unknown, type: Flag['type']): boolean {
  if (value === undefined || value === false) return true;
  return type === 'list' ? Array.isArray(value) : type === 'boolean' || typeof value === type;
}

function keyOf(flag: string): string {
  return flag
    .replace(/^no-/, '')
    .replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
