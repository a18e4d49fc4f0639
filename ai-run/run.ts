import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { formatCommand } from './core/command.ts';
import { UserError } from './core/error.ts';
import { launch } from './core/launch.ts';
import type { RunOptions } from './core/options.ts';
import type { Part } from './core/part.ts';
import { Platform, platformOfMachine } from './core/platform.ts';
import { harden, type PolicyOptions } from './core/policy.ts';
import { formatReference, parseReference } from './core/reference.ts';
import { sessionLabels, sessionName } from './core/session.ts';
import { printable } from './core/text.ts';
import { widenings } from './core/widening.ts';
import { attach } from './exec.ts';
import { findImage } from './image.ts';
import { thisOwner } from './owner.ts';
import { findProject, projectMounts } from './project.ts';
import { endContainer, removeContainer, sweepSessions } from './sessions.ts';

/** One session: its parts are opened, the container runs, the parts are finished. */

const say = (line: string): void => void process.stderr.write(`ai-run: ${printable(line)}\n`);

/** Finishes in the opposite order, all of them, whatever one of them says. */
const finish = async (parts: readonly Part[]): Promise<void> => {
  for (const part of parts.toReversed()) {
    try {
      for (const line of (await part.finish?.()) ?? []) say(line);
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  }
};

const merged = (parts: readonly Part[], what: 'env' | 'secrets'): Record<string, string> =>
  Object.assign({}, ...parts.map((part) => part[what] ?? {}));

/**
 * Runs an agent to its end.
 * @returns the agent's exit code; 128 + n where signal n ended it.
 * @throws UserError for everything that keeps it from starting.
 */
export const run = async (options: RunOptions): Promise<number> => {
  const { env } = process;
  const source = options.source ?? env['AI_IMAGE_SOURCE'] ?? 'local';
  if (source !== 'local' && source !== 'registry')
    throw new UserError('E_USAGE', `image source: expected local or registry, got ${source}`);
  const platform = Platform.parse(
    options.platform ?? env['AI_RUN_PLATFORM'] ?? platformOfMachine(process.arch),
  );
  const name = `ai-${options.agent}:${options.runtime}`;
  const image = formatReference(
    parseReference(source === 'registry' ? `${env['AI_IMAGE_REGISTRY']}/${name}` : name),
  );
  const project = findProject('.');
  const contract = await findImage(image, source, platform);
  const id = randomBytes(3).toString('hex');
  const session = {
    name: sessionName(options.agent, project, id),
    agent: options.agent,
    project,
    owner: await thisOwner(),
  };
  const limits = { cpus: Math.min(2, availableParallelism()) };
  const hardening: PolicyOptions = {
    user: { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 },
    limits,
  };
  const usual = harden(hardening);
  const parts: Part[] = [];
  try {
    parts.push({ notes: widenings(options, usual) });
    parts.push({ mounts: projectMounts(project) });
    for (const line of parts.flatMap(({ notes = [] }) => notes)) say(line);

    const policy = harden({
      ...hardening,
      network: options.network,
      mounts: parts.flatMap(({ mounts = [] }) => mounts),
      limits: { ...limits, ...options.limits },
      writableRoot: options.writableRoot,
      ociRuntime: options.ociRuntime,
    });
    const [file = 'bash', ...rest] = options.shell ? ['bash'] : contract.command;
    const command = launch({
      image,
      platform,
      policy,
      command: [file, ...rest, ...options.args],
      name: session.name,
      labels: sessionLabels(session),
      workdir: project,
      env: { ...(env['TERM'] === undefined ? {} : { TERM: env['TERM'] }), ...merged(parts, 'env') },
      secrets: merged(parts, 'secrets'),
      terminal: process.stdin.isTTY && process.stdout.isTTY ? 'tty' : 'stdin',
    });
    if (options.print) {
      process.stdout.write(`${formatCommand(command)}\n`);
      return 0;
    }
    const sweeping = sweepSessions();
    let told = false;
    const code = await attach(command, (signal) => {
      told = true;
      void endContainer(session.name, signal);
    });
    // Told to end, docker's client may have ended alone.
    if (told) await removeContainer(session.name);
    await sweeping;
    return code;
  } finally {
    await finish(parts);
  }
};
