/** The parser of .ai-run.yaml: its keys, their values and the messages for mistakes. */

import { type Amount, cpus, memory, pids } from '../settings/amount.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type GitMode, gitModes } from '../git/modes.rules.ts';
import { patternMistake } from './mask-settings.rules.ts';
import { isVariableName, whyReserved } from '@ai-bakery/kernel/variable.ts';
import { parseMount, type WorkspaceRequest } from './folders.rules.ts';
import { type Entry, parseYaml, type Scalar } from './yaml.rules.ts';

/** The file's name, at the root of a shared folder. */
export const projectFile = '.ai-run.yaml';

/** A folder as the file names it; once it is located, `folder` is the real path. */
type FileMount = WorkspaceRequest & { readonly line: number };

/** A project's settings for its sessions, in the words of the command line; a setting that is not given is absent. */
export type ProjectFile = {
  readonly runtime?: string;
  readonly memory?: string;
  readonly cpus?: string;
  readonly pids?: string;
  readonly network?: 'bridge' | 'none';
  readonly join?: string;
  readonly git?: GitMode;
  readonly gvisor?: boolean;
  readonly 'writable-root'?: boolean;
  readonly mask?: readonly string[];
  readonly unmask?: readonly string[];
  readonly env?: readonly string[];
  readonly mounts?: readonly FileMount[];
};

/** Items of a list. More would scroll the beginning of the approval question out of sight, and slow every start. */
const mostItems = 32;

const longestText = 512;

const readers: { readonly [Key in keyof ProjectFile]-?: (entry: Entry) => ProjectFile[Key] } = {
  // Neither a version's tag, like 1.2.3-go, nor a staging tag: an agent could select a vulnerable version.
  runtime: wordOf(/^(?!stg-)[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*$/, 'the name of a runtime, like go'),
  memory: amount(memory),
  cpus: amount(cpus),
  pids: amount(pids),
  network: oneOf(['bridge', 'none']),
  join: wordOf(/^(?!(?:host|default|none|bridge)$)[A-Za-z0-9][\w.-]*$/, 'the name of a network'),
  git: oneOf(gitModes),
  gvisor: truth,
  'writable-root': truth,
  mask: patterns,
  unmask: patterns,
  env: names,
  mounts,
};

export function isFileKey(key: string): key is keyof ProjectFile {
  return Object.hasOwn(readers, key);
}

/**
 * Parses the text of `.ai-run.yaml`.
 * @throws UserError E_PROJECT_FILE with the line, the key, the expected value and the given one.
 */
export function parseProjectFile(content: string): ProjectFile {
  const entries = parseYaml(content, projectFile);
  const read = new Map<string, unknown>();
  for (const entry of entries) {
    if (!isFileKey(entry.key))
      throw refused(
        entry.line,
        `unknown key ${shown(entry.key)}: expected one of ${Object.keys(readers).join(', ')}`,
      );
    read.set(entry.key, readers[entry.key](entry));
  }
  const join = entries.find(({ key }) => key === 'join');
  if (join !== undefined && read.has('network'))
    throw refused(join.line, 'join: expected one of network and join, got both');
  return Object.fromEntries(read);
}

function refused(line: number, what: string): UserError {
  return new UserError('E_PROJECT_FILE', `${projectFile}, line ${line}: ${what}`, {
    hint: `correct ${projectFile}; \`ai-run --help\` lists its keys`,
  });
}

function shown(value: Scalar['value']): string {
  const json = JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 60)}…` : json;
}

function expected(key: string, { value, line }: Scalar, what: string): UserError {
  return refused(line, `${key}: expected ${what}, got ${shown(value)}`);
}

/** Reads names of variables. An invalid name may be a secret in the wrong place, so it is not shown. */
function names(entry: Entry): readonly string[] {
  return listOf(entry, 'names of variables').map(({ value, line }) => {
    if (typeof value !== 'string' || !isVariableName(value))
      throw refused(line, `${entry.key}: expected the name of a variable, without its value`);
    const reason = whyReserved(value);
    if (reason !== undefined)
      throw refused(line, `${entry.key}: ${value} cannot be passed on: ${reason}`);
    return value;
  });
}

function listOf({ key, line, value }: Entry, what: string): readonly Scalar[] {
  if ('line' in value) throw expected(key, value, `a list of ${what}`);
  if (value.length > mostItems)
    throw refused(line, `${key}: expected at most ${mostItems} items, got ${value.length}`);
  return value;
}

function textOf(key: string, scalar: Scalar, what: string): string {
  const { value } = scalar;
  if (typeof value !== 'string' || value === '' || value.length > longestText)
    throw expected(key, scalar, what);
  return value;
}

function mounts(entry: Entry): readonly FileMount[] {
  return listOf(entry, 'folders like "../lib:ro"').map((scalar) => {
    const path = textOf(entry.key, scalar, 'a folder like "../lib:ro"');
    if (/^:r[ow]$/.test(path)) throw expected(entry.key, scalar, 'a folder like "../lib:ro"');
    return { ...parseMount(path), line: scalar.line };
  });
}

function wordOf(pattern: RegExp, what: string) {
  return (entry: Entry): string => {
    const scalar = single(entry, what);
    const value = textOf(entry.key, scalar, what);
    if (!pattern.test(value)) throw expected(entry.key, scalar, what);
    return value;
  };
}

function amount({ expected: what, read }: Amount) {
  return (entry: Entry): string => {
    const scalar = single(entry, what);
    const word = String(scalar.value);
    if (typeof scalar.value === 'boolean' || read(word) === undefined)
      throw expected(entry.key, scalar, what);
    return word;
  };
}

function oneOf<const T extends string>(words: readonly T[]) {
  return (entry: Entry): T => {
    const scalar = single(entry, words.join(', '));
    const found = words.find((word) => word === scalar.value);
    if (found === undefined) throw expected(entry.key, scalar, words.join(', '));
    return found;
  };
}

function truth(entry: Entry): boolean {
  const scalar = single(entry, 'true or false');
  if (typeof scalar.value !== 'boolean') throw expected(entry.key, scalar, 'true or false');
  return scalar.value;
}

function patterns(entry: Entry): readonly string[] {
  return listOf(entry, 'patterns like "*.pem"').map((scalar) => {
    const pattern = textOf(entry.key, scalar, 'a pattern like "*.pem"');
    const mistake = patternMistake(pattern);
    if (mistake !== undefined)
      throw refused(scalar.line, `${entry.key}: ${shown(pattern)}: ${mistake}`);
    return pattern;
  });
}

function single({ key, line, value }: Entry, what: string): Scalar {
  if ('line' in value) return value;
  throw refused(line, `${key}: expected ${what}, got a list`);
}
