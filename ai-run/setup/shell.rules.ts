/** The line that setup adds to a shell's start file, its exact removal, and the alias file. */

import { completionScript, type Shell } from '@ai-bakery/kernel/completion-script.ts';

/** The beginning of the comment that marks our line. */
const marker = '# ai-run setup';

/** The further changes that a removal must revert. */
const traces = { none: '', file: ', made this file', break: ', ended the line before' } as const;

const heading = '# Written by `ai-run setup`; `ai-run uninstall` removes it. Agents:';

/** Returns the alias file's path below the home. */
export function aliasFile(shell: Shell): string {
  return `.ai-run/shell.${shell}`;
}

/** Returns the line, which does nothing and does not fail if the alias file is gone. */
export function startLine(shell: Shell): string {
  const file = `~/${aliasFile(shell)}`;
  return shell === 'fish'
    ? `test ! -r ${file}; or source ${file}`
    : `[ ! -r ${file} ] || . ${file}`;
}

/**
 * Appends our line to a shell's start file, unless the file contains it.
 * @param text undefined if the file does not exist; in any encoding that extends ASCII.
 */
export function addLine(text: string | undefined, shell: Shell): string {
  if (text?.split('\n').some((line) => isOurs(line, shell)) === true) return text;
  const broken = text !== undefined && text !== '' && !text.endsWith('\n');
  const trace = text === undefined ? traces.file : broken ? traces.break : traces.none;
  return `${text ?? ''}${broken ? '\n' : ''}${startLine(shell)} ${marker}${trace}\n`;
}

/**
 * Returns the file as it was before {@link addLine}, including all later changes around the line.
 * @returns undefined for a file that we made and that contains only our line.
 */
export function removeLine(text: string, shell: Shell): string | undefined {
  const found = findLine(text, shell);
  if (found === undefined) return text;
  const { line, at } = found;
  // An editor may have removed the line break after our line; then there is nothing more to cut.
  const after = text.slice(at + line.length + 1);
  // We also added the line break before our line. It stays if later text follows, or if the line that it ended is gone.
  const broke = line.endsWith(traces.break) && after === '' && at > 0;
  const rest = removeLine(text.slice(0, broke ? at - 1 : at) + after, shell);
  return rest === '' && line.endsWith(traces.file) ? undefined : rest;
}

/** Returns the agents of an alias file; none if ai-run did not write it. */
export function aliasesOf(text: string): readonly string[] {
  return text.startsWith(heading)
    ? (text.slice(heading.length).split('\n')[0] ?? '').split(' ').filter((word) => word !== '')
    : [];
}

/**
 * Returns the text of the alias file: `claude` becomes `ai-run claude --`, so all further arguments go to the agent.
 * @param program the command that starts ai-run: `ai-run`, or a quoted path if that is not on PATH.
 */
export function aliasText(shell: Shell, agents: readonly string[], program: string): string {
  return [
    `${heading} ${agents.join(' ')}`,
    '# `command NAME` runs an agent that is installed on this machine itself.',
    ...(program === 'ai-run' ? [] : [alias('ai-run', program)]),
    ...agents.map((agent) => alias(agent, `${program} ${agent} --`)),
    completionScript(shell, 'ai-run', program),
    '',
  ].join('\n');
}

function isOurs(line: string, shell: Shell): boolean {
  return Object.values(traces).some((trace) => line === `${startLine(shell)} ${marker}${trace}`);
}

/** Returns our first line in a file, and its offset. */
function findLine(
  text: string,
  shell: Shell,
): { readonly line: string; readonly at: number } | undefined {
  let at = 0;
  for (const line of text.split('\n')) {
    if (isOurs(line, shell)) return { line, at };
    at += line.length + 1;
  }
  return undefined;
}

function alias(name: string, command: string): string {
  return `alias ${name}='${command.replaceAll("'", `'\\''`)}'`;
}
