import { parseSession, type Session, sessionLabel, sessionLabels } from './core/session.ts';
import { UserError } from './core/error.ts';
import { printable } from './core/text.ts';
import { attach, capture } from './exec.ts';
import { isGone } from './owner.ts';

/** Sessions that the engine has: what `ps`, `stop` and `attach` act on, and what a killed ai-run left. */

export type RunningSession = Session & {
  readonly container: string;
  /** `running`, `created`, `exited` … docs.docker.com/reference/cli/docker/container/ls */
  readonly state: string;
  /** `2 hours ago` */
  readonly since: string;
};

const labelNames = Object.keys(
  sessionLabels({
    name: '',
    agent: '',
    project: '',
    owner: { host: '', uid: 0, pid: 0, started: '' },
  }),
);

/** Every field as JSON, because a label's value may hold whatever a folder's name holds. */
const format = `[${['{{json .ID}}', '{{json .State}}', '{{json .RunningFor}}']
  .concat(labelNames.map((name) => `{{json (.Label "${name}")}}`))
  .join(',')}]`;

/**
 * All sessions of the engine, also those of other machines and users that share it.
 * @throws UserError E_NO_ENGINE with what docker said.
 */
export const listSessions = async (): Promise<RunningSession[]> => {
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
      const [container = '', state = '', since = '', ...values]: string[] = JSON.parse(line);
      const labels = Object.fromEntries(labelNames.map((name, at) => [name, values[at] ?? '']));
      const session = parseSession(labels);
      return session === undefined ? [] : [{ ...session, container, state, since }];
    });
};

const remove = (containers: readonly string[]) =>
  capture({ file: 'docker', args: ['rm', '--force', '--volumes', ...containers] });

/** Removes the containers of sessions whose ai-run was killed. Never fails: it is nobody's main errand. */
export const sweepSessions = async (): Promise<void> => {
  const all = await listSessions().catch(() => []);
  const gone = await Promise.all(all.map(({ owner }) => isGone(owner)));
  const orphans = all.filter((_, at) => gone[at] === true).map(({ container }) => container);
  if (orphans.length > 0) await remove(orphans);
};

const find = async (name: string): Promise<RunningSession> => {
  const all = await listSessions();
  const found = all.find((session) => session.name === name);
  if (found !== undefined) return found;
  const names = all.map((session) => session.name).join(', ');
  throw new UserError('E_NO_SESSION', `there is no session ${JSON.stringify(name)}`, {
    hint: names === '' ? 'no session is running' : `there are: ${names}`,
  });
};

/**
 * Ends sessions: asked first, killed after ten seconds.
 * @throws UserError E_NO_SESSION with the names that there are.
 */
export const stopSessions = async (names: readonly string[]): Promise<void> => {
  const found = await Promise.all(names.map(find));
  if (found.length === 0) return;
  await capture({ file: 'docker', args: ['stop', ...found.map(({ container }) => container)] });
  // Usually it is gone by now: containers of sessions are removed when they end.
  await remove(found.map(({ container }) => container));
};

/** Joins the terminal of a running session; Ctrl-^ twice leaves it. */
export const attachSession = async (name: string): Promise<number> => {
  const { container } = await find(name);
  return attach({
    file: 'docker',
    args: ['attach', '--detach-keys=ctrl-^,ctrl-^', '--sig-proxy=false', container],
  });
};
