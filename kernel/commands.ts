/** The types of a program's table of commands: parsing, help, completion and the reference page come from it. */

/** Fixed words, or the name of something that the program looks up, e.g. the agents it knows. */
export type Source =
  | readonly string[]
  | 'agents'
  | 'runtimes'
  | 'sessions'
  | 'commits'
  | 'layers'
  | 'files';

type Described = {
  readonly help: string;
  /** Heading below which the help shows the flag. */
  readonly group?: string;
  /** For scripts: completion does not offer it. */
  readonly forScripts?: true;
};

type WithValue = Described & {
  /** Name of the value in help and errors, without brackets. */
  readonly value: string;
  /** Shown only; the verb applies it. */
  readonly default?: string;
  readonly required?: true;
};

type BooleanFlag = Described & { readonly type: 'boolean'; readonly short?: string };

type StringFlag = WithValue & {
  readonly type: 'string';
  /** The only values allowed. */
  readonly choices?: readonly string[];
  readonly from?: Source;
};

/** May be repeated. */
type ListFlag = WithValue & {
  readonly type: 'list';
  /** Whether commas separate values as well. */
  readonly commas?: true;
  readonly from?: Source;
};

type NumberFlag = Described & {
  readonly type: 'number';
  readonly value: string;
  readonly minimum: number;
  readonly maximum: number;
  /** The value if the flag is missing. */
  readonly initial?: number;
};

export type Flag = BooleanFlag | StringFlag | ListFlag | NumberFlag;

/** By name, without the dashes. */
export type Flags = Readonly<Record<string, Flag>>;

/** A positional argument. */
export type Word = {
  readonly name: string;
  readonly help: string;
  readonly optional?: true;
  /** Takes all further words; the last one only. */
  readonly many?: true;
  readonly choices?: readonly string[];
  readonly from?: Source;
};

export type Example = { readonly line: string; readonly note?: string };

export type Note = { readonly title?: string; readonly text: string };

export type Verb = {
  /** One line, lower case, for lists of verbs. */
  readonly summary: string;
  /** Sentences below the usage; default: the summary. */
  readonly about?: string;
  readonly words?: readonly Word[];
  readonly flags: Flags;
  /** Receives everything after `--`. Without it, words after `--` are ordinary words. */
  readonly rest?: Word;
  readonly examples?: readonly Example[];
  readonly notes?: readonly Note[];
};

/** A first word that needs a second one: `git` of `git list` and `git fetch`. */
export type Group = {
  readonly summary: string;
  readonly about: string;
  readonly notes?: readonly Note[];
};

export type Program = {
  readonly name: string;
  readonly about: string;
  /** Flags of every verb. */
  readonly common: Flags;
  /** Runs if the first word is not a verb. */
  readonly start?: Verb;
  /** By name: one word, or two separated by a blank if the first is a group. */
  readonly verbs: Readonly<Record<string, Verb>>;
  readonly groups: Readonly<Record<string, Group>>;
  readonly examples: readonly Example[];
  readonly notes: readonly Note[];
};

/** The name by which parsing and help know {@link Program.start}. */
export const startName = '';

/** The values of flags after parsing. */
export type ValuesOf<F extends Flags> = {
  readonly [Name in keyof F as F[Name] extends Certain ? Name : never]: ValueOf<F[Name]>;
} & {
  readonly [Name in keyof F as F[Name] extends Certain ? never : Name]?:
    | ValueOf<F[Name]>
    | undefined;
};

/** Flags whose value is never missing. */
type Certain = { readonly required: true } | { readonly initial: number };

export type ValueOf<F extends Flag> = {
  readonly boolean: boolean;
  readonly string: string;
  readonly list: string[];
  readonly number: number;
}[F['type']];
