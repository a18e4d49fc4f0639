import { availableParallelism } from 'node:os';
import { askTerminal } from './project/ask.ts';
import { formatCommand } from './core/command.ts';
import { messageOf } from './core/error.ts';
import { credentials } from './core/credentials.ts';
import { launch } from './core/launch.ts';
import type { RunOptions } from './core/options.ts';
import type { Part } from './core/part.ts';
import { harden } from './core/policy.ts';
import { formatReference, parseReference } from './core/reference.ts';
import { sessionLabels, sessionName } from './core/session.ts';
import { settle } from './core/settings.ts';
import { printable } from './core/text.ts';
import { widenings } from './core/widening.ts';
import { parseMount } from './core/workspace.ts';
import { attach } from './exec.ts';
import { findImage } from './image.ts';
import { openParts } from './parts.ts';
import { thisOwner } from './sessions/owner.ts';
import { sweepFolders } from './sessions/leftovers.ts';
import { openRecord, sweepSessions } from './sessions/record.ts';
import { endContainer, removeContainers } from './sessions/sessions.ts';
import { readEnvFile } from './settings.ts';
import { findUserHome, openWorkspaces } from './project/workspace.ts';

/** One session: its parts are opened, the container runs, the parts are finished. */

const say = (line: string): void => void process.stderr.write(`ai-run: ${printable(line)}\n`);

/** Finishes in the opposite order, all of them, whatever one of them says. */
const finish = async (parts: readonly Part[]): Promise<void> => {
  for (const part of parts.toReversed()) {
    try {
      // One after the other: a part may rely on those before it.
      // oxlint-disable-next-line no-await-in-loop
      for (const line of (await part.finish?.()) ?? []) say(line);
    } catch (error) {
      say(messageOf(error));
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
  const file = readEnvFile();
  const settings = settle({ flags: options.image, env, file, machine: process.arch });
  const word = `ai-${options.agent}:${options.runtime}`;
  const reference = formatReference(
    parseReference(settings.source === 'registry' ? `${settings.registry}/${word}` : word),
  );
  const userHome = findUserHome();
  const { promise: agreed, resolve: agree } = Promise.withResolvers<void>();
  const find = async () => {
    if (options.build) {
      const { agent, runtime } = options;
      const { build } = await import('./build.ts');
      await agreed;
      await build({ agent, runtime, platform: settings.platform });
    }
    return findImage({ ...settings, reference, env, userHome, agreed });
  };
  const finding = find();
  // Whoever waits for it hears of it.
  finding.catch(() => undefined);
  const shared = await openWorkspaces(
    [{ folder: '.', readonly: false }, ...options.mounts.map(parseMount)],
    { userHome, ask: askTerminal() },
  );
  agree();
  const [project = '', ...more] = shared.mounts.map(({ target }) => target);
  // Only has to differ: see files/unique for why it is not node:crypto's.
  const id = Math.floor(Math.random() * 2 ** 24)
    .toString(16)
    .padStart(6, '0');
  const { agent } = options;
  const name = sessionName(agent, project, id);
  const session = { name, agent, project, owner: await thisOwner() };

  const caller = { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };
  const limits = { cpus: Math.min(2, availableParallelism()) };
  const parts: Part[] = [{ notes: widenings(options, harden({ user: caller, limits })) }, shared];
  try {
    const { contract, ...image } = await openParts(
      { options, session, image: finding, folders: [project, ...more], userHome, caller },
      (part) => parts.push(part),
    );
    parts.push(credentials({ contract, env, file, extra: options.env }));
    for (const line of parts.flatMap(({ notes = [] }) => notes)) say(line);
    const policy = harden({
      user: caller,
      network: options.network,
      mounts: parts.flatMap(({ mounts = [] }) => mounts),
      limits: { ...limits, ...options.limits },
      writableRoot: options.writableRoot,
      ociRuntime: options.ociRuntime,
    });
    const [program = 'bash', ...rest] = options.shell ? ['bash'] : contract.command;
    const command = launch({
      image: image.reference,
      platform: settings.platform,
      policy,
      command: [program, ...rest, ...options.args],
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
    parts.push(openRecord(userHome, session));
    let told = false;
    const running = attach(command, (signal) => {
      told = true;
      void endContainer(session.name, signal);
    });
    const sweeping = Promise.all([sweepSessions(userHome), sweepFolders(userHome)]);
    const code = await running;
    // Told to end, docker's client may have ended alone.
    if (told) await removeContainers([session.name]);
    await sweeping;
    return code;
  } finally {
    await finish(parts);
  }
};
