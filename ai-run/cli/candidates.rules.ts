import { gitModes } from '../git/modes.rules.ts';
import { shells } from '@ai-bakery/kernel/completion-script.ts';
import { runFlags } from '../settings/options.rules.ts';
import { platforms } from '@ai-bakery/kernel/platform.ts';

/** What can follow on a command line. What needs the engine is asked for only where it can follow. */

export type Sources = {
  /** Of the engine's images. */
  readonly images: () => Promise<readonly { readonly agent: string; readonly tag: string }[]>;
  /** Names of the sessions that run. */
  readonly sessions: () => Promise<readonly string[]>;
};

const flagsOf: Readonly<Record<string, readonly string[]>> = {
  ps: ['--json'],
  list: ['--json'],
  doctor: ['--json'],
  stop: ['--all'],
  attach: [],
  git: ['list', 'fetch', 'drop'],
  setup: ['--agents', '--shell', '--yes', '--no-pull'],
  uninstall: ['--images', '--homes', '--all', '--yes'],
  completion: shells,
};

const valuesOf: Readonly<Record<string, readonly string[]>> = {
  '--image-source': ['local', 'registry'],
  '--platform': platforms,
  '--pull': ['always', 'missing', 'never'],
  '--git': gitModes,
  '--network': ['bridge', 'none'],
  '--shell': shells,
};

/**
 * The words that can stand in the place of the last one.
 * @param typed what follows `ai-run`; the last word is the one being typed, and may be empty.
 */
export async function candidates(
  typed: readonly string[],
  sources: Sources,
): Promise<readonly string[]> {
  const words = joined(typed);
  // What comes after -- is the agent's.
  if (words.slice(0, -1).includes('--')) return [];
  const last = words.at(-1) ?? '';
  const [, flag, value] = /^(--[a-z-]+)=(.*)$/.exec(last) ?? [];
  const all =
    flag === undefined || value === undefined
      ? await following(words, sources)
      : (await following([...words.slice(0, -1), flag, value], sources)).map(
          (one) => `${flag}=${one}`,
        );
  // bash has taken the word apart, and replaces what comes after `=` only.
  const apart = typed.length !== words.length && flag !== undefined ? `${flag}=` : '';
  return [...new Set(all)]
    .filter((word) => word.startsWith(last) && isPlain(word))
    .map((word) => word.slice(apart.length));
}

/** Joins what bash takes apart at `=`: `--git`, `=`, `n` → `--git=n`. */
function joined(words: readonly string[]): readonly string[] {
  const all: string[] = [];
  for (const [at, word] of words.entries()) {
    const last = all.length - 1;
    if (word === '=' && all[last]?.startsWith('--') === true) all[last] += '=';
    else if (words[at - 1] === '=' && all[last]?.endsWith('=') === true) all[last] += word;
    else all.push(word);
  }
  return all;
}

async function following(words: readonly string[], sources: Sources): Promise<readonly string[]> {
  const verb = firstName(words.slice(0, -1));
  const known = verb !== undefined && Object.hasOwn(flagsOf, verb) ? flagsOf[verb] : undefined;
  const previous = words.at(-2) ?? '';
  if (takesValue(previous, verb)) return valuesFor(previous, verb, words, sources);
  const isFlag = (words.at(-1) ?? '').startsWith('-');
  // These take one word, which decides the rest.
  if ((verb === 'git' || verb === 'completion') && previous !== verb) return [];
  if (known !== undefined)
    return verb === 'stop' || verb === 'attach'
      ? [...known, ...(isFlag ? [] : await sources.sessions())]
      : known;
  const flags = Object.keys(runFlags).map((name) => `--${name}`);
  if (isFlag) return flags;
  if (verb !== undefined) return flags;
  return [...Object.keys(flagsOf), ...(await sources.images()).map(({ agent }) => agent)];
}

/** Safe in every shell, whatever an image or a session is called. */
function isPlain(word: string): boolean {
  return /^[\w.@:/=+-]+$/.test(word);
}

/** The agent or verb among words, which is the first that is neither a flag nor its value. */
function firstName(words: readonly string[]): string | undefined {
  return words.find(
    (word, at) => !word.startsWith('-') && !takesValue(words[at - 1] ?? '', undefined),
  );
}

function takesValue(flag: string, verb: string | undefined): boolean {
  if (verb === 'setup') return flag === '--agents' || flag === '--shell';
  const found = Object.entries(runFlags).find(([name]) => `--${name}` === flag);
  return found !== undefined && found[1].type === 'string';
}

async function valuesFor(
  flag: string,
  verb: string | undefined,
  words: readonly string[],
  { images }: Sources,
): Promise<readonly string[]> {
  if (flag !== '--runtime' && flag !== '--lang')
    return flag === '--agents'
      ? (await images()).map(({ agent }) => agent)
      : (valuesOf[flag] ?? []);
  const chosen = firstName(words.slice(0, -1)) ?? verb;
  const all = await images();
  const own = all.filter(({ agent }) => agent === chosen);
  return (own.length > 0 ? own : all).map(({ tag }) => tag);
}
