/** The identity of a session, and its labels on the container. */

import { textsOf } from '@ai-bakery/kernel/json.ts';

/** One run of an agent in a project. */
export type Session = {
  /** `claude-my-project-3f9a2c`: the container's name, and the argument of `stop` and `attach`. */
  readonly name: string;
  readonly agent: string;
  readonly project: string;
  readonly owner: Owner;
};

/** The ai-run process whose end ends the session. A process id alone is not enough, because ids are reused. */
export type Owner = {
  readonly host: string;
  readonly uid: number;
  readonly pid: number;
  /** The process's start time, in the format of this machine's kernel. */
  readonly started: string;
};

export const sessionLabel = 'ai-run.session';

const agentLabel = 'ai-run.agent';

const projectLabel = 'ai-run.project';

const ownerLabel = 'ai-run.owner';

/** @param id a few hex digits that distinguish sessions of the same agent in the same folder. */
export function sessionName(agent: string, project: string, id: string): string {
  return `${agent}-${slug(project.split('/').at(-1) ?? '')}-${id}`;
}

export function sessionLabels({ name, agent, project, owner }: Session): Record<string, string> {
  return {
    [sessionLabel]: name,
    [agentLabel]: agent,
    [projectLabel]: project,
    [ownerLabel]: [owner.host, owner.uid, owner.pid, owner.started].join(' '),
  };
}

/** @returns undefined for labels that ai-run did not write. */
export function parseSession(value: unknown): Session | undefined {
  const labels = textsOf(value) ?? {};
  const { [sessionLabel]: name, [agentLabel]: agent, [projectLabel]: project } = labels;
  const [, host, uid, pid, started] =
    /^(\S+) (\d+) (\d+) (.+)$/.exec(labels[ownerLabel] ?? '') ?? [];
  if (name === undefined || agent === undefined || project === undefined) return undefined;
  if (host === undefined || started === undefined) return undefined;
  return { name, agent, project, owner: { host, uid: Number(uid), pid: Number(pid), started } };
}

/** Returns at most 30 characters of a folder's name, in the alphabet of container names. */
function slug(folder: string): string {
  return (
    folder
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .slice(0, 30)
      .replaceAll(/^-|-$/g, '') || 'project'
  );
}
