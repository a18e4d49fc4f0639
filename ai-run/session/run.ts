import { availableParallelism } from 'node:os';
import { isatty } from 'node:tty';
import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { credentials } from '../keys/credentials.rules.ts';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { launch } from '@ai-bakery/kernel/launch.ts';
import { userMasks } from '../project/mask-settings.rules.ts';
import type { RunOptions } from '../settings/options.rules.ts';
import type { Part } from '../part.rules.ts';
import { harden, type Policy } from '@ai-bakery/kernel/policy.ts';
import { formatReference, parseReference } from '@ai-bakery/kernel/reference.ts';
import { type Session, sessionLabels, sessionName } from './labels.rules.ts';
import { type Settings, settle } from '../settings/settings.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { widenings } from '../project/widening.rules.ts';
import { parseMount } from '../project/folders.rules.ts';
import { checkEngine } from '../engine/fit.ts';
import { attach } from '../host/exec.ts';
import { findImage, type Image } from '../image/image.ts';
import { openParts } from './parts.ts';
import { type Ask, askTerminal } from '../host/ask.ts';
import { checkFolders, guardProjectFiles, openProjectFile } from '../project/project-file.ts';
import { openPins } from '../project/pins.ts';
import { findUserHome, findWorkspace, openWorkspaces } from '../project/workspace.ts';
import { sweepFolders } from './session-folder.ts';
import { thisOwner } from './owner.ts';
import { openRecord, sweepSessions } from './record.ts';
import { endContainer, removeContainers } from './sessions.ts';
import { readEnvFile } from '../settings/read-env-file.ts';

/** One session: its parts are opened, the container runs, the parts are finished. */

type Search = {
  readonly found: Promise<Image>;
  /** Lets it build and pull; before, it only looks. */
  readonly agree: () => void;
};

type Deciding = {
  readonly options: RunOptions;
  readonly settings: Settings;
  readonly session: Session;
  readonly image: Image;
  readonly parts: readonly Part[];
  readonly usual: Policy;
};

/**
 * Runs an agent to its end.
 * @param said what the command line says; the project's file says the rest.
 * @returns the agent's exit code; 128 + n where signal n ended it.
 * @throws UserError for everything that keeps it from starting.
 */
export async function run(said: RunOptions): Promise<number> {
  const { env } = process;
  const userHome = findUserHome();
  const file = readEnvFile();
  const settings = settle({ flags: said.image, env, file, machine: process.arch });
  const early = search(said, settings, userHome);
  await turn();
  const usual = harden({
    user: { uid: process.getuid?.() ?? 1000, gid: process.getgid?.() ?? 1000 },
    limits: { cpus: Math.min(2, availableParallelism()) },
  });
  const ask = askTerminal();
  const here = findWorkspace('.', userHome);
  const projectFile = await openProjectFile({ said, project: here, userHome, usual, ask });
  const { options } = projectFile;
  await checkEngine(userHome);
  // The project's file may name another runtime.
  const { found, agree } =
    options.runtime === said.runtime ? early : search(options, settings, userHome);
  const shared = await openWorkspaces(
    [{ folder: here, readonly: false }, ...options.mounts.map(parseMount)],
    { userHome, ask },
  );
  const { verify } = settings;
  if (verify !== undefined)
    (await import('../image/signature.ts')).checkKeyPlace(verify, shared.mounts, userHome);
  agree();
  const [project = '', ...more] = shared.mounts.map(({ target }) => target);
  const session = await newSession(options.agent, project);
  const parts: Part[] = [
    { notes: [...unverified(settings), ...widenings(said, usual)] },
    projectFile.part,
    shared,
    openPins({ userHome, session, shared: shared.mounts, parts: () => parts }),
    guardProjectFiles(shared.mounts),
  ];
  try {
    const record = openRecord(userHome, session);
    // Finished last: as long as anything of the session is there, the next start finds it by its record.
    parts.unshift(record);
    const image = await openParts(
      {
        options,
        masks: [userMasks(env, file), projectFile.masks],
        session,
        image: found,
        folders: [project, ...more],
        userHome,
        user: usual.user,
        ask: ask === undefined ? undefined : askMeanwhile(ask, found),
      },
      (part) => parts.push(part),
    );
    parts.push(credentials({ contract: image.contract, env, file, extra: options.env }));
    for (const line of parts.flatMap(({ notes = [] }) => notes)) say(line);
    const command = decide({ options, settings, session, image, parts, usual });
    if (options.print) {
      process.stdout.write(`${formatCommand(command)}\n`);
      return 0;
    }
    checkFolders(projectFile.folders, shared.mounts);
    record.renew();
    return await hold(command, session, userHome);
  } finally {
    await finish(parts);
  }
}

function search(
  { agent, runtime, build }: RunOptions,
  settings: Settings,
  userHome: string,
): Search {
  const { platform } = settings;
  const { promise: agreed, resolve: agree } = Promise.withResolvers<void>();
  const find = async (): Promise<Image> => {
    if (build) {
      await agreed;
      await (await import('../image/build.ts')).build({ agent, runtime, platform });
    }
    const name = `ai-${agent}:${runtime}`;
    const reference = formatReference(
      parseReference(settings.source === 'registry' ? `${settings.registry}/${name}` : name),
    );
    return findImage({ ...settings, reference, env: process.env, userHome, agreed });
  };
  const found = find();
  // Whoever waits for it hears of it.
  found.catch(() => undefined);
  return { found, agree };
}

/** Lets go out what was asked: what follows keeps the processor, and the engine needs twenty milliseconds for its answer. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function newSession(agent: string, project: string): Promise<Session> {
  // Only has to differ: see files/unique for why it is not node:crypto's.
  const id = Math.floor(Math.random() * 2 ** 24).toString(16);
  const name = sessionName(agent, project, id.padStart(6, '0'));
  return { name, agent, project, owner: await thisOwner() };
}

/** Asks while the image is pulled: a signal that ends the pull is meant for the question as well. */
function askMeanwhile(ask: Ask, found: Promise<Image>): Ask {
  const interrupted = (): Promise<never> =>
    new Promise((_, reject) => {
      found.catch((error: unknown) => {
        if (error instanceof UserError && error.code === 'E_SIGNAL') reject(error);
      });
    });
  return (question, answers) => Promise.race([ask(question, answers), interrupted()]);
}

/** One line, whatever names of files are in it. */
function say(line: string): void {
  const text = printable(line).replaceAll('\n', String.raw`\n`);
  process.stderr.write(`ai-run: ${text}\n`);
}

/** The one value that a session is: docker's command. */
function decide({ options, settings, session, image, parts, usual }: Deciding) {
  const { TERM } = process.env;
  const policy = harden({
    user: usual.user,
    network: options.network,
    mounts: parts.flatMap(({ mounts = [] }) => mounts),
    limits: { ...usual.limits, ...options.limits },
    writableRoot: options.writableRoot,
    ociRuntime: options.ociRuntime,
  });
  const [program = 'bash', ...rest] = options.shell ? ['bash'] : image.contract.command;
  return launch({
    image: image.reference,
    platform: settings.platform,
    policy,
    command: [program, ...rest, ...options.args],
    name: session.name,
    labels: sessionLabels(session),
    workdir: session.project,
    env: { ...(TERM === undefined ? {} : { TERM }), ...merged(parts, 'env') },
    secrets: merged(parts, 'secrets'),
    terminal: isatty(0) && isatty(1) ? 'tty' : 'stdin',
  });
}

/** Hands the terminal to the container, and sees that it is gone afterwards. */
async function hold(
  command: ReturnType<typeof launch>,
  { name }: Session,
  userHome: string,
): Promise<number> {
  let told = false;
  const running = attach(command, (signal) => {
    told = true;
    void endContainer(name, signal);
  });
  // While docker starts.
  const sweeping = Promise.all([sweepSessions(userHome, process.env), sweepFolders(userHome)]);
  const code = await running;
  // Told to end, docker's client may have ended alone.
  if (told) await removeContainers([name]);
  await sweeping;
  return code;
}

/** Finishes in the opposite order, all of them, whatever one of them says. */
async function finish(parts: readonly Part[]): Promise<void> {
  for (const part of parts.toReversed()) {
    try {
      // One after the other: a part may rely on those before it.
      // oxlint-disable-next-line no-await-in-loop
      for (const line of (await part.finish?.()) ?? []) say(line);
    } catch (error) {
      say(messageOf(error));
    }
  }
}

function merged(parts: readonly Part[], what: 'env' | 'secrets'): Record<string, string> {
  return Object.assign({}, ...parts.map((part) => part[what] ?? {}));
}

/** Local images are not signed: whoever wants signatures is told that none was looked for. */
function unverified({ source, verify }: Settings): readonly string[] {
  return source === 'local' && verify !== undefined
    ? ['AI_IMAGE_VERIFY is about images of a registry: this one is local, and not verified']
    : [];
}
