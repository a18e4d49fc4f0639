/** The command line of bakery: arguments → verb → exit code. The only file that ends the process. */

import { chooseVerb, readVerb } from '@ai-bakery/kernel/command-line.ts';
import type { Verb } from '@ai-bakery/kernel/commands.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import about from '../package.json' with { type: 'json' };
import { paint } from '../host/format.ts';
import { program, type VerbName, verbs } from './commands.rules.ts';
import type { CommonFlags } from './flags.ts';
import { spellFlags, type VerbFlags } from './verb-flags.rules.ts';

const stop = new AbortController();

/** Does the work of a verb; returns the exit code. */
type Act = (args: readonly string[]) => Promise<number>;

const acts: Readonly<Record<VerbName, Act>> = {
  list: async (args) => (await import('./list.ts')).list(read('list', args)),
  check: async (args) => (await import('./check.ts')).check(read('check', args)),
  plan: async (args) => (await import('./plan.ts')).plan(read('plan', args)),
  render: async (args) => (await import('./render.ts')).render(read('render', args)),
  build: async (args) => (await import('./build.ts')).runBuild(read('build', args)),
  test: async (args) =>
    (await import('./build.ts')).runBuild({ ...read('test', args), testOnly: true }),
  publish: async (args) => (await import('./publish.ts')).publish(read('publish', args)),
  ci: async (args) => (await import('./ci.ts')).ci(read('ci', args)),
  layer: async (args) => {
    const { agents: ids, ...flags } = read('layer', args);
    return (await import('./layer.ts')).runLayer({ ...flags, ids });
  },
  prune: async (args) => (await import('./prune.ts')).prune(read('prune', args)),
  update: async (args) => (await import('./update.ts')).update(read('update', args)),
  doctor: async (args) => (await import('./doctor.ts')).doctor(read('doctor', args)),
  completion: async (args) => {
    const flags = { ...program.common, ...verbs.completion.flags };
    const { values, words, rest } = readVerb(
      'bakery completion',
      { ...verbs.completion, flags },
      args,
    );
    const { printCandidates, printScript } = await import('./completion.ts');
    return values.words === true ? printCandidates(rest, values.root) : printScript(words[0]);
  },
};

const bug = `This is a bug in bakery. Please report it to the people who maintain your copy of it, with
  the lines above and the command,
  the version: bakery ${about.version} on Node ${process.versions.node},
  the output of \`bakery doctor --json\`.`;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second signal ends bakery at once.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
}

// With `bakery list | head -1` the reader closes early: the work goes on, and its exit code counts.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = fail(error);
}

async function main(line: readonly string[]): Promise<number> {
  const { name, args, instead } = chooseVerb(program, line);
  if (instead === 'version') {
    process.stdout.write(`${about.version}\n`);
    return 0;
  }
  if (instead === undefined && isVerb(name)) return acts[name](args);
  const { helpPage } = await import('@ai-bakery/kernel/command-help.ts');
  const stream = instead === 'help' ? process.stdout : process.stderr;
  stream.write(`${helpPage(program, name)}\n`);
  return instead === 'help' ? 0 : 2;
}

function isVerb(name: string | undefined): name is VerbName {
  return name !== undefined && Object.hasOwn(verbs, name);
}

/** The flags of a verb, and its words as agents. */
function read<Name extends VerbName>(
  name: Name,
  args: readonly string[],
): CommonFlags & VerbFlags<Name> & { readonly agents: string[] } {
  const verb: Verb = verbs[name];
  const flags = { ...program.common, ...verbs[name].flags };
  const { values, words } = readVerb(`bakery ${name}`, { ...verb, flags }, args);
  // docker reads the builder from its environment.
  if (values.builder !== undefined) process.env['BUILDX_BUILDER'] = values.builder;
  const { root } = values;
  return { ...spellFlags(name, values), root, signal: stop.signal, agents: [...words] };
}

function fail(error: unknown): number {
  if (stop.signal.aborted) {
    process.stderr.write('interrupted\n');
    return 130;
  }
  if (error instanceof UserError) {
    const label = paint(['red', 'bold'], `error[${error.code}]`, process.stderr);
    process.stderr.write(`${label}: ${redacted(error.message)}\n`);
    if (error.hint !== undefined)
      process.stderr.write(`${paint('bold', 'hint', process.stderr)}: ${error.hint}\n`);
    return error.code === 'E_USAGE' || error.code === 'E_UNKNOWN' ? 2 : 1;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n${bug}\n`);
  return 70;
}
