/** The rules for hints: a hint leads to something that exists, and that no other rule refuses. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Visitor } from 'oxc-parser';
import { program as aiRun } from '../../ai-run/cli/commands.rules.ts';
import { program as bakery } from '../../bakery/cli/commands.rules.ts';
import type { Program } from '../../kernel/commands.ts';
import type { Hint } from './hints.ts';
import { readSources, type Source } from './sources.ts';

type Rules = (hint: Pick<Hint, 'path' | 'code' | 'text'>) => string[];

/** Engines that `unfit` refuses. */
const refused: readonly (readonly [RegExp, string])[] = [
  [/\brootless\b/i, 'unfit.rules.ts refuses rootless engines'],
  [/\bpodman\b/i, 'unfit.rules.ts refuses Podman'],
  [
    /^(?!.*\b(?:take|remove) userns-remap\b).*\buserns-remap\b/i,
    'unfit.rules.ts refuses userns-remap',
  ],
];

/** Options that widen a session beside those of `widenings`. */
const wider: readonly RegExp[] = [
  /--git live/,
  /--(?:no-mask|env|ssh-key|git-credentials|mount|join|writable-root|memory|cpus|pids)\b/,
  /\bAI_RUN_UNMASK\b|\bunmask\b/,
  /\bno approval|without approval/,
  /chmod (?:-R )?(?:[0-7]?[0-7]?[2367]{2}\b|(?:a|o|go|ugo)?\+)/,
];

/** The user has asked for these options: hints explain them. */
const explains = new Set(['E_USAGE', 'E_SSH_KEY']);

/** Options of other programs that hints name. */
const foreign: Readonly<Record<string, readonly string[]>> = {
  npm: ['--global'],
  cosign: ['--key'],
};

/** Variables of other programs. */
const foreignVariables = new Set(['COSIGN_PASSWORD', 'DOCKER_CONTEXT', 'DOCKER_HOST']);

/** Words after the name of a program that begin no command. */
const prose = new Set('in here of made makes built printed starts needs does'.split(' '));

/** Returns the function that lists the faults of a hint. */
export function hintRules(root: string): Rules {
  const sources = readSources(root, ['ai-run', 'bakery', 'kernel']);
  const programs = { 'ai-run': wordsOf(aiRun), bakery: wordsOf(bakery) };
  const literals = new Set(sources.flatMap(literalsOf));
  const setup = readFileSync(join(root, 'scripts/setup'), 'utf8');

  const isFlag = (flag: string, owner: string): boolean => {
    if (owner === 'ai-run' || owner === 'bakery') return programs[owner].flags.has(flag);
    if (owner === 'scripts/setup')
      return new RegExp(`^\\s*(?:\\S+ \\| )?${flag}\\)`, 'm').test(setup);
    if (owner === 'kernel') return isFlag(flag, 'ai-run') || isFlag(flag, 'bakery');
    return foreign[owner]?.includes(flag) ?? false;
  };

  return ({ path, code, text }) => {
    const faults = refused.flatMap(([pattern, why]) => (pattern.test(text) ? [why] : []));
    if (code === undefined || !explains.has(code))
      for (const pattern of wider) {
        const found = pattern.exec(text)?.[0];
        if (found !== undefined) faults.push(`${found} widens a session`);
      }
    for (const { 0: flag, index } of text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)) {
      const owner = ownerAt(text, index) ?? path.split('/')[0] ?? '';
      if (!isFlag(flag, owner)) faults.push(`${owner} has no ${flag}`);
    }
    for (const [, name, verb = ''] of text.matchAll(/(?<![\w./-])(ai-run|bakery) ([a-z][\w-]*)/g)) {
      const known = programs[name as 'ai-run' | 'bakery'].verbs;
      if (!known.has(verb) && !prose.has(verb)) faults.push(`${name} has no ${verb}`);
    }
    for (const [, file = ''] of text.matchAll(
      /(?<![\w./~-])((?:docs|scripts|schemas|bakery|kernel|agents|runtimes)\/[\w./-]*)/g,
    ))
      if (!existsSync(join(root, file))) faults.push(`${file} does not exist`);
    for (const [name] of text.matchAll(/\b(?:AI|BAKERY|COSIGN|DOCKER)_[A-Z_]+\b/g))
      if (!literals.has(name) && !foreignVariables.has(name))
        faults.push(`no source reads ${name}`);
    return faults;
  };
}

/** The program to which a flag belongs: the last one that its clause names. */
function ownerAt(text: string, index: number): string | undefined {
  const clause =
    text
      .slice(0, index)
      .split(/[`;,:]/)
      .at(-1) ?? '';
  return [
    ...clause.matchAll(
      /(?<![\w./-])(?:(ai-run|bakery)(?: [a-z]+)?|npm|cosign|docker|git|scripts\/setup)(?= )/g,
    ),
  ]
    .map(([all, own]) => own ?? all)
    .at(-1);
}

/** The flags, and the first words of the verbs, of a program's table of commands. */
function wordsOf({ common, start, verbs }: Program) {
  const flags = [common, start?.flags ?? {}, ...Object.values(verbs).map((verb) => verb.flags)];
  return {
    flags: new Set(['help', 'version', ...flags.flatMap(Object.keys)].map((name) => `--${name}`)),
    verbs: new Set(Object.keys(verbs).map((name) => name.split(' ')[0] ?? '')),
  };
}

function literalsOf({ program }: Source): string[] {
  const found: string[] = [];
  new Visitor({
    Literal: ({ value }) => {
      if (typeof value === 'string') found.push(value);
    },
  }).visit(program);
  return found;
}
