#!/usr/bin/env node
/** The command line of ai-run: arguments → verb → exit code. */

import '../startup/node.ts';
import { chooseVerb, type Given, readVerb } from '@ai-bakery/kernel/command-line.ts';
import { startName, type Verb } from '@ai-bakery/kernel/commands.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { suggest } from '@ai-bakery/kernel/suggest.ts';
import { usageError } from '@ai-bakery/kernel/usage.ts';
import { readOptions } from '../settings/options.rules.ts';
import { program, start, verbs } from './commands.rules.ts';
import { listenToOutput } from './output.ts';

/** Does the work of a verb; returns the exit code. */
type Act = (args: readonly string[]) => Promise<number>;

/** Whether an agent was started, and has ended. */
let started = false;

/** A verb's modules are loaded with it, because starting an agent must be quick. */
const acts: Readonly<Record<keyof typeof verbs | typeof startName, Act>> = {
  [startName]: startAgent,
  ps: async (args) => {
    const { json } = read('ps', args).values;
    return (await import('../session/ps.ts')).ps(json === true);
  },
  attach: async (args) => {
    const [name = ''] = read('attach', args).words;
    return (await import('../session/sessions.ts')).attachSession(name);
  },
  stop: stopSessions,
  'git list': (args) => git('list', args),
  'git fetch': (args) => git('fetch', args),
  'git drop': (args) => git('drop', args),
  list: async (args) => {
    const { json } = read('list', args).values;
    return (await import('../image/list.ts')).list(json === true);
  },
  doctor: async (args) => {
    const { json } = read('doctor', args).values;
    return (await import('../doctor/doctor.ts')).doctor(json === true);
  },
  setup: async (args) => {
    const { values } = read('setup', args);
    return (await import('../setup/setup.ts')).setup(values);
  },
  uninstall: async (args) => {
    const { values } = read('uninstall', args);
    return (await import('../setup/uninstall.ts')).uninstall(values);
  },
  completion: async (args) => {
    const { values, words, rest } = read('completion', args);
    const { printCandidates, printScript } = await import('./completion.ts');
    return values.words === true ? printCandidates(rest) : printScript(words[0]);
  },
};

const endings = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** {@link started}, when all is done. Not awaited: a script cannot wait, and this becomes one (`compiled.ts`). */
export const ended = run();

function read<Name extends keyof typeof verbs>(
  name: Name,
  args: readonly string[],
): Given<(typeof verbs)[Name]['flags']> {
  const verb: Verb & { readonly flags: (typeof verbs)[Name]['flags'] } = verbs[name];
  return readVerb(`ai-run ${name}`, verb, args);
}

async function startAgent(args: readonly string[]): Promise<number> {
  const { values, words, rest } = readVerb('ai-run', start, args);
  const options = readOptions(values, words[0] ?? '', rest);
  const { run: runSession } = await import('../session/run.ts');
  const code = await runSession(options).catch((error: unknown) => {
    throw meantVerb(options.agent, error);
  });
  started = !options.print;
  return code;
}

/** The error of a start whose agent does not exist, with the verb that resembles the agent's name as a hint. */
function meantVerb(agent: string, error: unknown): unknown {
  if (!(error instanceof UserError) || !['E_NO_IMAGE', 'E_NO_ENGINE'].includes(error.code))
    return error;
  const meant = agent.length < 3 ? undefined : suggest(agent, Object.keys(verbs));
  if (meant === undefined) return error;
  const { code, message, hint, cause } = error;
  const also = hint === undefined ? '' : ` Otherwise: ${hint}`;
  return new UserError(code, message, { hint: `did you mean ai-run ${meant}?${also}`, cause });
}

async function stopSessions(args: readonly string[]): Promise<number> {
  const { values, words } = read('stop', args);
  const all = values.all === true;
  if (words.length === 0 && !all)
    throw usageError('ai-run stop', '<session> is missing', 'name sessions, or give --all');
  // The name of one session contradicts all of them.
  if (words[0] !== undefined && all)
    throw usageError('ai-run stop', `--all takes no words: ${JSON.stringify(words[0])}`);
  await (await import('../session/sessions.ts')).stopSessions(all ? 'mine' : words);
  return 0;
}

async function git(name: 'list' | 'fetch' | 'drop', args: readonly string[]): Promise<number> {
  const { words } = read(`git ${name}`, args);
  return (await import('../git/verb.ts')).gitVerb(name, words);
}

async function run(): Promise<boolean> {
  listenToOutput();
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report(error);
  }
  return started;
}

async function main(line: readonly string[]): Promise<number> {
  const { name, args, instead } = chooseVerb(program, line);
  if (instead === 'version')
    return print((await import('../package.json', { with: { type: 'json' } })).default.version);
  if (instead === undefined && isAct(name)) return acts[name](args);
  print((await import('@ai-bakery/kernel/command-help.ts')).helpPage(program, name));
  // A group needs one of its verbs.
  return instead === 'help' ? 0 : 2;
}

function isAct(name: string | undefined): name is keyof typeof acts {
  return name !== undefined && Object.hasOwn(acts, name);
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function report({ code, message, hint, cause }: UserError): void {
  if (code === 'E_SIGNAL') {
    endBy(cause);
    return;
  }
  const more = hint === undefined ? '' : `hint: ${printable(hint)}\n`;
  process.stderr.write(`error[${code}]: ${printable(message)}\n${more}`);
  process.exitCode = code === 'E_USAGE' ? 2 : 1;
}

/** Ends ai-run by the signal itself, after all work, so that its parent can tell. */
function endBy(cause: unknown): void {
  const [signal, code] = Object.entries(endings).find(([name]) => name === cause) ?? [];
  process.kill(process.pid, signal);
  // Process 1 of a container survives signals that it sends itself.
  process.exit(code);
}
