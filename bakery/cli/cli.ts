import { Command, CommanderError, InvalidArgumentError } from 'commander';
import about from '../package.json' with { type: 'json' };
import { UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import type { BuildFlags } from './build.ts';
import type { CiFlags } from './ci.ts';
import type { LayerFlags } from './layer.ts';
import type { ListFlags } from './list.ts';
import type { PlanFlags } from './plan.ts';
import type { PruneFlags } from './prune.ts';
import type { PublishFlags } from './publish.ts';
import type { RenderFlags } from './render.ts';
import type { UpdateFlags } from './update.ts';
import type { CommonFlags, SelectionFlags } from './flags.ts';
import { paint } from '../host/format.ts';

/** argv → verb → exit code. The only file that ends the process. */

const stop = new AbortController();

function names(value: string, before: string[] = []): string[] {
  return [...before, ...value.split(',').filter((name) => name !== '')];
}

function count(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 64)
    throw new InvalidArgumentError('Expected 1 to 64.');
  return number;
}

function whole(value: string): number {
  if (!/^\d{1,5}$/.test(value)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(value);
}

const program = new Command('bakery')
  .description('Bakes AI coding agents × runtimes into tested, hardened container images.')
  .version(about.version)
  .option('--root <folder>', 'the checkout, where it is not the working directory')
  .option(
    '--builder <name>',
    'what builds, as `docker buildx ls` has it (default: $BUILDX_BUILDER)',
  )
  .showHelpAfterError('(bakery --help explains)')
  .exitOverride()
  .configureOutput({
    outputError: (text, write) => write(text.replace(/^error: /, 'error[E_USAGE]: ')),
  })
  .on('option:builder', (name: string) => {
    // docker reads it, wherever something is built.
    process.env['BUILDX_BUILDER'] = name;
  })
  .addHelpText(
    'after',
    `
Examples:
  bakery build claude                        claude for all runtimes, into the local engine, tested
  bakery build --all --platform linux/amd64,linux/arm64
  bakery build gemini aider --runtime go     two agents on one runtime
  bakery render claude --runtime base        the Dockerfile, to read or to build without the bakery
  bakery update --check                      what could be newer

Exit codes: 0 all well; 1 something failed; 2 wrong usage; 70 a bug in bakery; 130 interrupted.`,
  );

/** A verb with the selection that all of them share. */
function verb(
  name: string,
  description: string,
  agentsHelp = 'agents by name; none means all',
): Command {
  return program
    .command(name)
    .description(description)
    .argument('[agents...]', agentsHelp)
    .option('--runtime <names>', 'runtimes, separated by commas; none means all', names)
    .option(
      '--platform <names>',
      'platforms, separated by commas, like linux/amd64,linux/arm64',
      names,
    )
    .option('--json', 'print the result for machines');
}

function setExit(code: number): void {
  process.exitCode = code;
}
function common(): CommonFlags {
  return {
    root: program.opts<{ root?: string }>().root,
    signal: stop.signal,
  };
}

verb('list', 'show the agents and runtimes, and what is not locked')
  .option('--upstreams', 'show the upstream images instead, one a line')
  .action(async (agents: string[], flags: SelectionFlags & ListFlags) =>
    setExit(await (await import('./list.ts')).list({ ...common(), ...flags, agents })),
  );

verb('check', 'validate every definition, lock and rendered Dockerfile').action(
  async (agents: string[], flags: SelectionFlags) =>
    setExit(await (await import('./check.ts')).check({ ...common(), ...flags, agents })),
);

verb('plan', 'show what would be built: layers, images, keys')
  .option('--registry <registry>', 'say what is up to date there, or what has changed')
  .action(async (agents: string[], flags: SelectionFlags & PlanFlags) =>
    setExit(await (await import('./plan.ts')).plan({ ...common(), ...flags, agents })),
  );

verb('render', 'print Dockerfiles, or the bake file, that build without the bakery')
  .option('--out <folder>', 'write one Dockerfile per image there')
  .option('--bake', 'print one bake file for `docker buildx bake -f -`')
  .option(
    '--registry <registry>',
    'with --bake: images go there, to their staging tags, instead of the local engine',
  )
  .action(async (agents: string[], flags: SelectionFlags & RenderFlags) =>
    setExit(await (await import('./render.ts')).render({ ...common(), ...flags, agents })),
  );

function bakes(command: Command): Command {
  return command
    .option('--jobs <n>', 'layers built, and images tested, at a time', count)
    .option('--junit <file>', 'write the test results as JUnit XML')
    .option('--quiet', 'no progress');
}

bakes(
  verb(
    'build',
    'build images for this machine’s platform into the local engine, and test them',
    'agents by name; --all means all',
  ),
)
  .option('--all', 'all agents')
  .option('--force', 'build without cache, and test, what is up to date too')
  .option('--no-test', 'build only')
  .option('--dry-run', 'show what would be built')
  .action(async (agents: string[], flags: SelectionFlags & BuildFlags) =>
    setExit(await (await import('./build.ts')).runBuild({ ...common(), ...flags, agents })),
  );

bakes(verb('test', 'test the images of the local engine again', 'agents by name; --all means all'))
  .option('--all', 'all agents')
  .action(async (agents: string[], flags: SelectionFlags & BuildFlags) =>
    setExit(
      await (
        await import('./build.ts')
      ).runBuild({ ...common(), ...flags, agents, testOnly: true }),
    ),
  );

bakes(
  verb(
    'publish',
    'bring a registry up to date: build, test there, and move the tags to what passed',
  ),
)
  .requiredOption('--registry <registry>', 'with its namespace, like registry.example.com/ai')
  .option(
    '--from <step>',
    'begin with `test` or `promote`: what is not staged, or not tested, fails',
  )
  .option('--until <step>', 'stop after `stage` or `test`; otherwise `promote`')
  .option('--dry-run', 'show every tag that would be written, and why')
  .option('--force', 'build without cache, and test, what is up to date too')
  .option(
    '--accept-unexecuted',
    'promote what this machine cannot execute for some platform, by its static checks',
  )
  .option('--drop-platforms', 'let a tag lose a platform that it has')
  .option('--sign <key>', 'sign with cosign: a file, env://NAME, a KMS address; or `keyless`')
  .option('--public-key <file>', 'the public key of --sign')
  .option('--no-sign', 'do not sign, whatever bakery.yaml says')
  .option('--scan <scanner>', 'let trivy or grype look for vulnerabilities before the tags move')
  .option('--fail-on <severity>', 'what keeps an image back: low, medium, high or critical')
  .option('--no-scan', 'do not scan, whatever bakery.yaml says')
  .option(
    '--provenance <mode>',
    'attach how images were made: min, max or off (else the setting, or off)',
  )
  .option(
    '--sbom <generator>',
    'attach what is in images, listed by this image, named by digest; or off',
  )
  .option('--journal <file>', 'write what was moved there')
  .option('--report <file>', 'write the result for machines there, and print it for people')
  .action(async (agents: string[], flags: SelectionFlags & PublishFlags) =>
    setExit(await (await import('./publish.ts')).publish({ ...common(), ...flags, agents })),
  );

verb(
  'ci',
  'print the GitLab pipeline that brings a registry up to date: layers, images, tests, promotion',
)
  .requiredOption('--registry <registry>', 'with its namespace, like registry.example.com/ai')
  .option('--until <step>', 'no jobs after `stage` or `test`; otherwise `promote`')
  .option('--output <file>', 'write it there')
  .addHelpText(
    'after',
    `
Examples:
  bakery ci --registry registry.example.com/ai --output pipeline.yml
  bakery ci claude --registry registry.example.com/ai --until test   nothing is promoted, as on a merge request

What the jobs run on is said in bakery.yaml, under \`ci\`: docs/ci.md.`,
  )
  .action(async (agents: string[], flags: SelectionFlags & CiFlags) =>
    setExit(await (await import('./ci.ts')).ci({ ...common(), ...flags, agents })),
  );

program
  .command('layer')
  .description(
    'leave layers in a registry, built where it does not have them: what CI does in parallel',
  )
  .argument('<ids...>', 'as `bakery plan` has them, like "agent/claude linux/arm64" or runtime/go')
  .requiredOption('--registry <registry>', 'with its namespace, like registry.example.com/ai')
  .option(
    '--platform <names>',
    'platforms of what is named without one, separated by commas; none means all',
    names,
  )
  .option('--force', 'build again what is there')
  .option('--jobs <n>', 'layers built at a time', count)
  .option('--quiet', 'no progress')
  .option('--json', 'print the result for machines')
  .addHelpText(
    'after',
    `
Examples:
  bakery layer 'agent/claude linux/arm64' --registry registry.example.com/ai
  bakery layer agent/claude --platform linux/arm64 --registry registry.example.com/ai
  bakery layer runtime/base runtime/go --registry registry.example.com/ai   on all their platforms

What the registry has under a layer's key is not built. Publishing makes images of it on any machine: it downloads and builds nothing of it.`,
  )
  .action(async (ids: string[], flags: LayerFlags) =>
    setExit(await (await import('./layer.ts')).runLayer({ ...common(), ...flags, ids })),
  );

program
  .command('prune')
  .description('show what old publications left in a registry and nothing needs; --yes deletes it')
  .argument('[agents...]', 'agents by name; none means all')
  .requiredOption('--registry <registry>', 'with its namespace, like registry.example.com/ai')
  .option('--keep-days <n>', 'what is younger stays', whole, 30)
  .option('--keep <n>', 'so many fixed tags of each runtime stay, whatever their age', whole, 5)
  .option('--yes', 'delete')
  .option('--json', 'print the result for machines')
  .action(async (agents: string[], flags: PruneFlags) =>
    setExit(await (await import('./prune.ts')).prune({ ...common(), ...flags, agents })),
  );

program
  .command('update')
  .description('move locks to the newest versions that can be had on all of an agent’s platforms')
  .argument('[agents...]', 'agents by name; none means all, and the upstream images')
  .option('--check', 'only report')
  .option('--upstreams', 'the upstream images only')
  .option('--json', 'print the result for machines')
  .action(async (agents: string[], flags: UpdateFlags) =>
    setExit(await (await import('./update.ts')).update({ ...common(), ...flags, agents })),
  );

program
  .command('doctor')
  .description('look at this machine: engine, builder, emulation, registries, disk')
  .option('--json', 'print the result for machines')
  .action(async (flags: { json?: boolean }) =>
    setExit(await (await import('./doctor.ts')).doctor({ ...common(), ...flags })),
  );

program
  .command('completion')
  .description('print a completion script: eval "$(bakery completion bash)"')
  .argument('[words...]', 'bash, zsh or fish')
  .option('--words', 'print what could follow the words after --')
  .action(async (words: string[], flags: { words?: boolean }) =>
    setExit(
      await (
        await import('./completion.ts')
      ).completion({ ...common(), words, asked: flags.words === true, program }),
    ),
  );

const bug = `This is a bug in bakery. Please report it to the people who maintain your copy of it, with
  the lines above and the command,
  the version: bakery ${about.version} on Node ${process.versions.node},
  the output of \`bakery doctor --json\`.`;

function fail(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
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

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second one does not wait for anything.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
}

// Whoever reads may stop reading, as `bakery list | head -1` does; the work goes on and its exit code counts.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}
