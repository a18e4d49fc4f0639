/** Writes docs/reference.md from the tables of commands; a test compares the two. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { program as aiRun } from '../ai-run/cli/commands.rules.ts';
import { program as bakery } from '../bakery/cli/commands.rules.ts';
import { flagLabel, flagText, usageOf, wordLabel } from '../kernel/command-help.ts';
import type { Example, Flags, Note, Program, Verb, Word } from '../kernel/commands.ts';

/** docs/reference.md. */
export function referencePage(): string {
  return `${[introduction, ...programParts(aiRun), ...programParts(bakery)].join('\n\n')}\n`;
}

const introduction = `# Commands

<!-- npm run reference writes this page from ai-run/cli/commands.rules.ts and bakery/cli/commands.rules.ts. -->

All flags, words and verbs of [ai-run](#ai-run) and [bakery](#bakery). \`--help\` shows the same in a terminal, for the
program and for each verb. A value follows its flag after a space or \`=\`. Lists are repeated flags, or values separated by
commas if the table says so. An unknown, repeated, missing or empty value is an error with exit code 2.`;

function programParts(program: Program): string[] {
  const { name, about, common, start, verbs, groups, notes } = program;
  const calls = [
    ...(start === undefined ? [] : [`${name} ${usageOf(start)}`]),
    `${name} <verb> [flags] [words]`,
  ];
  return [
    `## ${name}`,
    markdown(about),
    code(calls),
    table(
      ['Verb', 'Purpose'],
      Object.entries(verbs).map(([verb, { summary }]) => [
        `[\`${name} ${verb}\`](#${`${name}-${verb}`.replaceAll(' ', '-')})`,
        markdown(summary),
      ]),
    ),
    ...(Object.keys(common).length === 0 ? [] : ['Flags of every verb:', flagTable(common)]),
    ...notes.map(noteText),
    ...(start === undefined ? [] : [`### Starting an agent`, ...verbParts(name, start)]),
    ...Object.entries(verbs).flatMap(([verb, one]) => [
      `### ${name} ${verb}`,
      ...verbParts(`${name} ${verb}`, one),
    ]),
    ...Object.entries(groups).flatMap(([group, { about: text }]) => [
      `### ${name} ${group}`,
      markdown(text),
    ]),
  ];
}

function verbParts(call: string, verb: Verb): string[] {
  const { summary, about, words = [], rest, flags, examples = [], notes = [] } = verb;
  const named = [...words, ...(rest === undefined ? [] : [rest])];
  return [
    markdown(about ?? `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`),
    code([`${call} ${usageOf(verb)}`.trimEnd()]),
    ...(named.length === 0 ? [] : [wordTable(named, rest)]),
    ...(Object.keys(flags).length === 0 ? [] : [flagTable(flags)]),
    ...(examples.length === 0 ? [] : ['Examples:', code(exampleLines(examples), 'sh')]),
    ...notes.map(noteText),
  ];
}

function wordTable(words: readonly Word[], rest: Word | undefined): string {
  return table(
    ['Word', 'Meaning'],
    words.map((word) => [
      `\`${word === rest ? `-- ${word.name}` : wordLabel(word)}\``,
      markdown(word.help),
    ]),
  );
}

function flagTable(flags: Flags): string {
  return table(
    ['Flag', 'Meaning'],
    Object.entries(flags).map(([name, flag]) => [
      `\`${flagLabel(name, flag)}\``,
      markdown(flagText(flag)),
    ]),
  );
}

/** Columns as wide as the formatter wants them. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[], fill = ' '): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0, fill)).join(' | ')} |`;
  const rule = line(
    header.map(() => ''),
    '-',
  );
  return [line(header), rule, ...rows.map((row) => line(row))].join('\n');
}

function exampleLines(examples: readonly Example[]): string[] {
  return examples.map(({ line, note }) => (note === undefined ? line : `${line} # ${note}`));
}

function code(lines: readonly string[], language = 'text'): string {
  return ['```' + language, ...lines, '```'].join('\n');
}

function noteText({ title, text }: Note): string {
  return title === undefined ? markdown(text) : `**${title}**: ${markdown(text)}`;
}

/** Text outside backticks, with the characters escaped that mean something in a page. */
function markdown(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll(/[<*|]/g, String.raw`\$&`)))
    .join('');
}

if (import.meta.main)
  await writeFile(join(import.meta.dirname, '../docs/reference.md'), referencePage());
