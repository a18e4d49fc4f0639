#!/usr/bin/env node
import '../startup/node.ts';
import { parseArgs } from 'node:util';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { readOptions, runFlags, usage } from '../settings/options.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { listenToOutput } from './output.ts';

/** argv → verb → exit code. What a verb needs is loaded with it: starting an agent must be quick. */

type Verb = (args: readonly string[]) => Promise<number>;

/** Whether an agent was started, and has ended. */
let started = false;

const start: Verb = async (words) => {
  const end = words.indexOf('--');
  const own = end === -1 ? words : words.slice(0, end);
  const { values, positionals } = parse(own, runFlags);
  if (values.help === true) return showHelp();
  if (values.version === true)
    return print((await import('../package.json', { with: { type: 'json' } })).default.version);
  const options = readOptions(values, positionals, end === -1 ? [] : words.slice(end + 1));
  const code = await (await import('../session/run.ts')).run(options);
  started = !options.print;
  return code;
};

const verbs: Readonly<Record<string, Verb>> = {
  ps: async (words) => {
    const values = flagsFor('ps', words, { json: { type: 'boolean' } });
    return (await import('../session/ps.ts')).ps(values.json === true);
  },
  stop: async (words) => {
    const { values, positionals } = parse(words, { all: { type: 'boolean' } });
    if (positionals.length === 0 && values.all !== true)
      throw usage('name the sessions to stop, or say --all');
    // Whoever names one hardly means all of them.
    if (positionals[0] !== undefined && values.all === true)
      throw usage(`stop --all takes no words: ${JSON.stringify(positionals[0])}`);
    await (
      await import('../session/sessions.ts')
    ).stopSessions(values.all === true ? 'mine' : positionals);
    return 0;
  },
  list: async (words) => {
    const values = flagsFor('list', words, { json: { type: 'boolean' } });
    return (await import('../image/list.ts')).list(values.json === true);
  },
  doctor: async (words) => {
    const values = flagsFor('doctor', words, { json: { type: 'boolean' } });
    return (await import('../doctor/doctor.ts')).doctor(values.json === true);
  },
  setup: async (words) => {
    const { setupFlags } = await import('../setup/setup-flags.rules.ts');
    return (await import('../setup/setup.ts')).setup(flagsFor('setup', words, setupFlags));
  },
  uninstall: async (words) => {
    const { uninstallFlags } = await import('../setup/setup-flags.rules.ts');
    return (await import('../setup/uninstall.ts')).uninstall(
      flagsFor('uninstall', words, uninstallFlags),
    );
  },
  completion: async (words) => (await import('./completion.ts')).completion(words),
  git: async (words) => (await import('../git/verb.ts')).gitVerb(words),
  attach: async (words) => {
    const [name, extra] = parse(words, {}).positionals;
    if (name === undefined) throw usage('name one session to attach to');
    if (extra !== undefined)
      throw usage(`name one session to attach to, not ${JSON.stringify(extra)} as well`);
    return (await import('../session/sessions.ts')).attachSession(name);
  },
};

const endings = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** {@link started}, when all is done. Not awaited: a script cannot wait, and this becomes one (`compiled.ts`). */
export const ended = program();

function parse<T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  args: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
}

async function showHelp(): Promise<number> {
  return print((await import('./help.ts')).help);
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

/** What a verb that takes no words is told; a word too many may have been meant for another verb. */
function flagsFor<T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  verb: string,
  words: readonly string[],
  options: T,
) {
  const { values, positionals } = parse(words, options);
  if (positionals[0] !== undefined)
    throw usage(`${verb} takes no words: ${JSON.stringify(positionals[0])}`);
  return values;
}

async function program(): Promise<boolean> {
  listenToOutput();
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report(error);
  }
  return started;
}

function main([first = '', ...rest]: readonly string[]): Promise<number> {
  const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined;
  if (verb === undefined) return start(first === '' ? rest : [first, ...rest]);
  // git has a help of its own.
  return first !== 'git' && asksHelp(rest) ? showHelp() : verb(rest);
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

/** After `--` comes what is meant for others; so does what completion is asked about. */
function asksHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const own = end === -1 ? words : words.slice(0, end);
  return own[0] !== '--words' && own.some((word) => word === '--help' || word === '-h');
}

/** Ends as the signal would have ended it, now that all is finished: whoever waits for ai-run can tell. */
function endBy(cause: unknown): void {
  const [signal, code] = Object.entries(endings).find(([name]) => name === cause) ?? [];
  process.kill(process.pid, signal);
  // The first process of a container does not die of its own signals.
  process.exit(code);
}
