import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { askTerminal } from './project/ask.ts';
import { openChanges } from './project/changes.ts';
import { formatCommand } from './core/command.ts';
import { messageOf } from './core/error.ts';
import { credentials } from './core/credentials.ts';
import { launch } from './core/launch.ts';
import type { RunOptions } from './core/options.ts';
import type { Part } from './core/part.ts';
import { containerUser, harden, type PolicyOptions } from './core/policy.ts';
import { formatReference, parseReference } from './core/reference.ts';
import { type Session, sessionLabels, sessionName } from './core/session.ts';
import { settle } from './core/settings.ts';
import { printable } from './core/text.ts';
import { widenings } from './core/widening.ts';
import { parseMount } from './core/workspace.ts';
import { attach } from './exec.ts';
import { openGit } from './git/git.ts';
import { openHome } from './home/home.ts';
import { findImage, type Image } from './image.ts';
import { openMasks } from './project/masks.ts';
import { thisOwner } from './sessions/owner.ts';
import { openRecord, sweepSessions } from './sessions/record.ts';
import { endContainer, listSessions, removeContainers } from './sessions/sessions.ts';
import { readEnvFile } from './settings.ts';
import { findUserHome, openWorkspaces } from './project/workspace.ts';

/** One session: its parts are opened, the container runs, the parts are finished. */

/** One line, whatever names of files are in it. */
const say = (line: string): void => {
  const text = printable(line).replaceAll('\n', String.raw`\n`);
  process.stderr.write(`ai-run: ${text}\n`);
};

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

type Opening = {
  readonly options: RunOptions;
  readonly session: Session;
  readonly image: Image;
  /** What is shared: the project first. */
  readonly folders: readonly [string, ...string[]];
  readonly userHome: string;
  readonly caller: PolicyOptions['user'];
};

/** Everything of a session that is made before it starts and finished after it; `opened` gets each part as it is made. */
const openParts = async (
  { options, session, image, folders, userHome, caller }: Opening,
  opened: Part[],
): Promise<void> => {
  const user = containerUser(caller);
  const { project } = session;
  const others = async (): Promise<boolean> =>
    (await listSessions()).some(
      (one) => one.agent === session.agent && one.project === project && one.name !== session.name,
    );
  const { contract } = image;
  opened.push(
    await openHome({ userHome, project, contract, user, workspaces: folders, busy: others }),
  );
  if (options.mask)
    opened.push(openMasks({ userHome, workspaces: folders, settings: { add: [], remove: [] } }));
  const { git: mode } = options;
  const { env } = process;
  opened.push(await openGit({ project, mode, session: session.name, home: userHome, user, env }));
  opened.push(await openChanges({ project }));
};

/**
 * Runs an agent to its end.
 * @returns the agent's exit code; 128 + n where signal n ended it.
 * @throws UserError for everything that keeps it from starting.
 */
export const run = async (options: RunOptions): Promise<number> => {
  const { env } = process;
  const file = readEnvFile();
  const settings = settle({ flags: options.image, env, file, machine: process.arch });
  const name = `ai-${options.agent}:${options.runtime}`;
  const reference = formatReference(
    parseReference(settings.source === 'registry' ? `${settings.registry}/${name}` : name),
  );
  const userHome = findUserHome();
  const shared = await openWorkspaces(
    [{ folder: '.', readonly: false }, ...options.mounts.map(parseMount)],
    { userHome, ask: askTerminal() },
  );
  const [project = '', ...more] = shared.mounts.map(({ target }) => target);
  const [image, owner] = await Promise.all([findImage({ ...settings, reference }), thisOwner()]);
  const id = randomBytes(3).toString('hex');
  const { agent } = options;
  const session = { name: sessionName(agent, project, id), agent, project, owner };

  const caller = { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 };
  const limits = { cpus: Math.min(2, availableParallelism()) };
  const { contract } = image;
  const parts: Part[] = [
    { notes: widenings(options, harden({ user: caller, limits })) },
    shared,
    credentials({ contract, env, file, extra: options.env }),
  ];
  try {
    const record = await openRecord(userHome, session);
    // Finished last: as long as anything of the session is there, the next start finds it by its record.
    parts.unshift(record);
    await openParts(
      { options, session, image, folders: [project, ...more], userHome, caller },
      parts,
    );
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
    await record.renew();
    const sweeping = sweepSessions(userHome, env);
    let told = false;
    const code = await attach(command, (signal) => {
      told = true;
      void endContainer(session.name, signal);
    });
    // Told to end, docker's client may have ended alone.
    if (told) await removeContainers([session.name]);
    await sweeping;
    return code;
  } finally {
    await finish(parts);
  }
};
