#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { UserError } from './core/error.ts';
import { readOptions, runFlags, usage } from './core/options.ts';
import { printable } from './core/text.ts';

/** argv → verb → exit code. What a verb needs is loaded with it: starting an agent must be quick. */

type Verb = (args: readonly string[]) => Promise<number>;

const parse = <T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  args: readonly string[],
  options: T,
) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
};

const print = (text: string): number => {
  process.stdout.write(`${text}\n`);
  return 0;
};

/** Whether an agent was started, and has ended. */
let started = false;

const start: Verb = async (words) => {
  const end = words.indexOf('--');
  const own = end === -1 ? words : words.slice(0, end);
  const { values, positionals } = parse(own, runFlags);
  if (values.help === true) return print((await import('./help.ts')).help);
  if (values.version === true)
    return print((await import('../package.json', { with: { type: 'json' } })).default.version);
  const options = readOptions(values, positionals, end === -1 ? [] : words.slice(end + 1));
  const code = await (await import('./run.ts')).run(options);
  started = !options.print;
  return code;
};

const verbs: Readonly<Record<string, Verb>> = {
  ps: async (words) => {
    const { values } = parse(words, { json: { type: 'boolean' } });
    return (await import('./sessions/ps.ts')).ps(values.json === true);
  },
  stop: async (words) => {
    const { values, positionals } = parse(words, { all: { type: 'boolean' } });
    if (positionals.length === 0 && values.all !== true)
      throw usage('name the sessions to stop, or say --all');
    await (
      await import('./sessions/sessions.ts')
    ).stopSessions(values.all === true ? 'mine' : positionals);
    return 0;
  },
  list: async (words) => {
    const { values } = parse(words, { json: { type: 'boolean' } });
    return (await import('./list.ts')).list(values.json === true);
  },
  doctor: async (words) => {
    const { values } = parse(words, { json: { type: 'boolean' } });
    return (await import('./doctor/doctor.ts')).doctor(values.json === true);
  },
  setup: async (words) => {
    const { setupFlags } = await import('./core/setup.ts');
    return (await import('./setup/setup.ts')).setup(parse(words, setupFlags).values);
  },
  uninstall: async (words) => {
    const { uninstallFlags } = await import('./core/setup.ts');
    return (await import('./setup/uninstall.ts')).uninstall(parse(words, uninstallFlags).values);
  },
  completion: async (words) => (await import('./completion.ts')).completion(words),
  git: async (words) => (await import('./git/verb.ts')).gitVerb(words),
  attach: async (words) => {
    const [name, extra] = parse(words, {}).positionals;
    if (name === undefined || extra !== undefined) throw usage('name one session to attach to');
    return (await import('./sessions/sessions.ts')).attachSession(name);
  },
};

const main = ([first = '', ...rest]: readonly string[]): Promise<number> =>
  Object.hasOwn(verbs, first) && verbs[first] !== undefined
    ? verbs[first](rest)
    : start(first === '' ? rest : [first, ...rest]);

const program = async (): Promise<boolean> => {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(
      `error: ${printable(error.message)}\n${error.hint === undefined ? '' : `hint: ${error.hint}\n`}`,
    );
    process.exitCode = error.code === 'E_USAGE' ? 2 : 1;
  }
  return started;
};

/** {@link started}, when all is done. Not awaited: a script cannot wait, and this becomes one (`compiled.ts`). */
export const ended = program();
