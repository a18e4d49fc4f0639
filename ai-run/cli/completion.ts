/** Prints completion scripts, and the words that can follow on a command line. */

import { homedir } from 'node:os';
import { candidates } from '@ai-bakery/kernel/command-completion.ts';
import { completionScript, filesMark, shells } from '@ai-bakery/kernel/completion-script.ts';
import { contractLabel } from '@ai-bakery/kernel/image.ts';
import { usageError } from '@ai-bakery/kernel/usage.ts';
import { readSessions } from '../git/records.ts';
import { capture } from '../host/exec.ts';
import { splitName } from '../image/image-list.rules.ts';
import { sessionLabel } from '../session/labels.rules.ts';
import { lookUp } from './candidates.rules.ts';
import { program } from './commands.rules.ts';

/** Milliseconds, because a user waits after pressing Tab. */
const patience = 2000;

/** @throws UserError E_USAGE for an unknown shell. */
export function printScript(name: string | undefined): number {
  const shell = shells.find((one) => one === name);
  if (shell === undefined)
    throw usageError('ai-run completion', '<shell> is missing', `name one of ${shells.join(', ')}`);
  process.stdout.write(`${completionScript(shell, 'ai-run')}\n`);
  return 0;
}

/** @param typed the words after `ai-run`; the last one is being typed, and may be empty. */
export async function printCandidates(typed: readonly string[]): Promise<number> {
  const { words, files } = await candidates(program, typed, lookUp({ images, sessions, commits }));
  const lines = [...words, ...(files ? [filesMark] : [])];
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

async function images() {
  return (
    await ask('image', 'ls', `--filter=label=${contractLabel}`, '--format={{.Repository}}:{{.Tag}}')
  ).flatMap((name) => splitName(name) ?? []);
}

function sessions() {
  return ask('ps', `--filter=label=${sessionLabel}`, `--format={{.Label "${sessionLabel}"}}`);
}

async function commits() {
  return (await readSessions(homedir())).map(({ name }) => name);
}

/** The lines that docker prints; empty if it fails. */
async function ask(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await capture({ file: 'docker', args }, undefined, patience).catch(() => ({
    stdout: '',
  }));
  return stdout.split('\n').filter((line) => line !== '');
}
