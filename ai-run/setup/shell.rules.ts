import { completionScript, type Shell } from '@ai-bakery/kernel/completion-script.ts';

/** What `setup` leaves in a shell's start, and how to take it out again without a trace. */

/** Begins the comment that tells our line from all others. */
const marker = '# ai-run setup';

/** What taking the line out has to restore besides. */
const traces = { none: '', file: ', made this file', break: ', ended the line before' } as const;

const heading = '# Written by `ai-run setup`; `ai-run uninstall` removes it. Agents:';

/** Below the home, as a shell spells it. */
export function aliasFile(shell: Shell): string {
  return `.ai-run/shell.${shell}`;
}

/** The line itself: nothing happens, and nothing fails, where the file is gone. */
export function startLine(shell: Shell): string {
  const file = `~/${aliasFile(shell)}`;
  return shell === 'fish'
    ? `test ! -r ${file}; or source ${file}`
    : `[ ! -r ${file} ] || . ${file}`;
}

/**
 * A shell's start file with our line at its end, or as it is where that is there.
 * @param text undefined where there is no file; any encoding in which ASCII is ASCII.
 */
export function addLine(text: string | undefined, shell: Shell): string {
  if (text?.split('\n').some((line) => isOurs(line, shell)) === true) return text;
  const broken = text !== undefined && text !== '' && !text.endsWith('\n');
  const trace = text === undefined ? traces.file : broken ? traces.break : traces.none;
  return `${text ?? ''}${broken ? '\n' : ''}${startLine(shell)} ${marker}${trace}\n`;
}

/**
 * The file as it was before {@link addLine}, whatever was written around the line since.
 * @returns undefined for a file that we made and that holds nothing else.
 */
export function removeLine(text: string, shell: Shell): string | undefined {
  const found = findLine(text, shell);
  if (found === undefined) return text;
  const { line, at } = found;
  // An editor may have taken the line break after ours: there is nothing left to cut then.
  const after = text.slice(at + line.length + 1);
  // The line break before ours is ours too, unless something follows by now that needs it, or what it ended is gone.
  const broke = line.endsWith(traces.break) && after === '' && at > 0;
  const rest = removeLine(text.slice(0, broke ? at - 1 : at) + after, shell);
  return rest === '' && line.endsWith(traces.file) ? undefined : rest;
}

/** The agents of an alias file; none where it is not ours. */
export function aliasesOf(text: string): readonly string[] {
  return text.startsWith(heading)
    ? (text.slice(heading.length).split('\n')[0] ?? '').split(' ').filter((word) => word !== '')
    : [];
}

/**
 * The file that the line reads: `claude` is `ai-run claude` from then on, with everything after it for the agent.
 * @param program how a shell starts ai-run: `ai-run`, or a quoted path where that is not on PATH.
 */
export function aliasText(shell: Shell, agents: readonly string[], program: string): string {
  return [
    `${heading} ${agents.join(' ')}`,
    '# An agent that is installed on this machine is reached by `command NAME`.',
    ...(program === 'ai-run' ? [] : [alias('ai-run', program)]),
    ...agents.map((agent) => alias(agent, `${program} ${agent} --`)),
    completionScript(shell, program),
    '',
  ].join('\n');
}

function isOurs(line: string, shell: Shell): boolean {
  return Object.values(traces).some((trace) => line === `${startLine(shell)} ${marker}${trace}`);
}

/** Our first line in a file, and where it is. */
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
