#!/usr/bin/env node
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { formatCommand } from './core/command.ts';
import { UserError } from './core/error.ts';
import { launch } from './core/launch.ts';
import { Platform, platformOfMachine } from './core/platform.ts';
import { harden, type Network } from './core/policy.ts';
import { formatReference, parseReference } from './core/reference.ts';
import { attach } from './exec.ts';
import { findImage } from './image.ts';
import { findWorkspace, projectMounts } from './workspace.ts';

/** argv → image, contract, policy → one docker command → its exit code. */

const help = `Usage: ai-run [options] <agent> [-- agent arguments]

Runs an agent in a hardened container around the current folder.

  --runtime <name>       base, go, php8.4, php8.5 (default: base); --lang is the same
  --image-source <from>  local or registry (default: $AI_IMAGE_SOURCE, or local)
  --network <mode>       bridge or none (default: bridge)
  --shell                bash instead of the agent
  --print                show the docker command, do not run it
  --help

Environment: AI_IMAGE_SOURCE, AI_IMAGE_REGISTRY (registry/namespace), AI_RUN_PLATFORM, and the credentials that the image's
contract names: they are passed on, all others are not.

Examples:
  ai-run claude
  ai-run gemini --runtime go -- --version
  AI_IMAGE_SOURCE=registry AI_IMAGE_REGISTRY=registry.example.com/ai ai-run codex

The home folder lasts as long as the session, and the project's .git is hidden from the agent.`;

const options = {
  runtime: { type: 'string' },
  lang: { type: 'string' },
  'image-source': { type: 'string' },
  network: { type: 'string' },
  shell: { type: 'boolean' },
  print: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const usage = (message: string): UserError =>
  new UserError('E_USAGE', message, { hint: 'ai-run --help' });

const parse = (args: string[]) => {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
};

const oneOf = <T extends string>(what: string, value: string, allowed: readonly T[]): T => {
  const found = allowed.find((one) => one === value);
  if (found === undefined)
    throw usage(`${what}: expected ${allowed.join(' or ')}, got ${JSON.stringify(value)}`);
  return found;
};

const main = async (argv: readonly string[]): Promise<number> => {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const { values, positionals } = parse([...own]);
  if (values.help === true) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  const [agent, extra] = positionals;
  if (agent === undefined) throw usage('name an agent');
  if (extra !== undefined)
    throw usage(`arguments for the agent come after --: ${JSON.stringify(extra)}`);
  const env = process.env;
  const source = oneOf(
    'image source',
    values['image-source'] ?? env['AI_IMAGE_SOURCE'] ?? 'local',
    ['local', 'registry'],
  );
  const registry = env['AI_IMAGE_REGISTRY'];
  if (source === 'registry' && registry === undefined)
    throw usage('set AI_IMAGE_REGISTRY, like registry.example.com/ai');
  const name = `ai-${agent}:${values.runtime ?? values.lang ?? 'base'}`;
  const image = formatReference(
    parseReference(source === 'registry' ? `${registry}/${name}` : name),
  );
  const platform = oneOf(
    'platform',
    env['AI_RUN_PLATFORM'] ?? platformOfMachine(process.arch) ?? process.arch,
    Platform.options,
  );
  const mode = oneOf('network', values.network ?? 'bridge', ['bridge', 'none']);
  const network: Network = { mode };
  const project = findWorkspace('.');
  const contract = await findImage(image, source, platform);
  const credentials = contract.credentials.flatMap(({ env: key, baseUrl }) => [
    key,
    baseUrl ?? key,
  ]);
  const secrets = Object.fromEntries(
    credentials.flatMap((key) => (env[key] === undefined ? [] : [[key, env[key]] as const])),
  );
  const [file = 'bash', ...rest] = values.shell === true ? ['bash'] : contract.command;
  const command = launch({
    image,
    platform,
    policy: harden({
      user: { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 },
      network,
      mounts: projectMounts(project),
      limits: { cpus: Math.min(2, availableParallelism()) },
    }),
    command: [file, ...rest, ...(end === -1 ? [] : argv.slice(end + 1))],
    workdir: project,
    secrets,
    env: env['TERM'] === undefined ? {} : { TERM: env['TERM'] },
    labels: { 'ai-run.agent': contract.agent },
    terminal: process.stdin.isTTY && process.stdout.isTTY ? 'tty' : 'stdin',
  });
  if (values.print === true) {
    process.stdout.write(`${formatCommand(command)}\n`);
    return 0;
  }
  return attach(command);
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(
    `error: ${error.message}\n${error.hint === undefined ? '' : `hint: ${error.hint}\n`}`,
  );
  process.exitCode = error.code === 'E_USAGE' ? 2 : 1;
}
