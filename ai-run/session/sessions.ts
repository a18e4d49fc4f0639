/** The engine's sessions, for ps, stop and attach, and the end of their containers. */

import { setTimeout } from 'node:timers/promises';
import { parseSession, type Session, sessionLabel, sessionLabels } from './labels.rules.ts';
import { parseAnswer } from '@ai-bakery/kernel/json.ts';
import { versionHint } from '../engine/engine-error.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { attach, capture } from '../host/exec.ts';
import { thisOwner } from './owner.ts';

export type RunningSession = Session & {
  readonly container: string;
  /** `running`, `created`, `exited` … docs.docker.com/reference/cli/docker/container/ls */
  readonly state: string;
  /** `2 hours ago` */
  readonly since: string;
};

/** Milliseconds for an agent to end: docker's own ten seconds. */
const patience = 10_000;

const labelNames = Object.keys(
  sessionLabels({
    name: '',
    agent: '',
    project: '',
    owner: { host: '', uid: 0, pid: 0, started: '' },
  }),
);

/** Every field as JSON, because a label's value may contain any character of a folder's name. */
const format = `[${['{{json .ID}}', '{{json .State}}', '{{json .RunningFor}}']
  .concat(labelNames.map((name) => `{{json (.Label "${name}")}}`))
  .join(',')}]`;

/**
 * Lists all sessions of the engine, including those of other machines and users that share it.
 * @throws UserError E_NO_ENGINE with docker's message; E_ANSWER.
 */
export async function listSessions(): Promise<RunningSession[]> {
  const { code, stdout, stderr } = await capture({
    file: 'docker',
    args: ['ps', '--all', '--no-trunc', `--filter=label=${sessionLabel}`, `--format=${format}`],
  });
  if (code !== 0) {
    throw new UserError('E_NO_ENGINE', printable(stderr).trim(), {
      hint: 'start Docker, or look at `docker context ls` and DOCKER_HOST',
    });
  }
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [container = '', state = '', since = '', ...values] = parseAnswer(
        line,
        fieldsOf,
        'docker ps',
        versionHint,
      );
      const labels = Object.fromEntries(labelNames.map((name, at) => [name, values[at] ?? '']));
      const session = parseSession(labels);
      return session === undefined ? [] : [{ ...session, container, state, since }];
    });
}

/** Returns the texts of one line, as {@link format} requests them. */
function fieldsOf(value: unknown): readonly string[] | undefined {
  const isLine =
    Array.isArray(value) &&
    value.length === 3 + labelNames.length &&
    value.every((one) => typeof one === 'string');
  return isLine ? value : undefined;
}

/**
 * Removes containers by name or id, running or not; a missing one does not count as a failure.
 * @returns whether they are gone: false if the engine does not answer.
 */
export async function removeContainers(containers: readonly string[]): Promise<boolean> {
  const { code, stderr } = await capture({
    file: 'docker',
    args: ['rm', '--force', '--volumes', ...containers],
  });
  return code === 0 || /No such container|removal of container .* in progress/i.test(stderr);
}

/**
 * Ends sessions by SIGTERM, and by SIGKILL after ten seconds.
 * @param which names, or `mine` for all that this user started on this machine: an engine may be shared.
 * @throws UserError E_NO_SESSION with the names of the existing sessions.
 */
export async function stopSessions(which: readonly string[] | 'mine'): Promise<void> {
  const all = await listSessions();
  const me = await thisOwner();
  const chosen =
    which === 'mine'
      ? all.filter(({ owner }) => owner.host === me.host && owner.uid === me.uid)
      : which.map((name) => find(all, name));
  if (chosen.length === 0) return;
  const containers = chosen.map(({ container }) => container);
  await capture({ file: 'docker', args: ['stop', ...containers] });
  // Usually they are gone by now: containers of sessions are removed when they end.
  await removeContainers(containers);
}

/** Signals a session's container as soon as it exists, and removes it after ten seconds. */
export async function endContainer(name: string, signal: NodeJS.Signals): Promise<void> {
  const deadline = Date.now() + patience;
  const kill = { file: 'docker', args: ['kill', `--signal=${signal}`, name] };
  while (Date.now() < deadline && (await capture(kill)).code !== 0) await wait();
  while (Date.now() < deadline) await wait();
  await removeContainers([name]);
}

/** Joins the terminal of a running session; Ctrl-^ twice leaves it. */
export async function attachSession(name: string): Promise<number> {
  const { container } = find(await listSessions(), name);
  return attach({
    file: 'docker',
    args: ['attach', '--detach-keys=ctrl-^,ctrl-^', '--sig-proxy=false', container],
  });
}

function find(all: readonly RunningSession[], name: string): RunningSession {
  const found = all.find((session) => session.name === name);
  if (found !== undefined) return found;
  const names = all.map((session) => session.name).join(', ');
  throw new UserError('E_NO_SESSION', `unknown session ${JSON.stringify(name)}`, {
    hint: names === '' ? 'no session is running' : `running sessions: ${names}`,
  });
}

/** Waits without keeping the process alive. */
function wait(): Promise<void> {
  return setTimeout(200, undefined, { ref: false });
}
