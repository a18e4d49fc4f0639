/** The engines on which agents cannot work, and the reasons. */

import type { EngineInfo } from './engine-info.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';

const other = 'with DOCKER_CONTEXT or DOCKER_HOST (`docker context ls`)';

const reasons = {
  podman: {
    what: 'is Podman, which supports neither Docker’s seccomp profile by name nor a tmpfs with an owner; the policy needs both',
    hint: `use a Docker engine, ${other}`,
  },
  rootless: {
    what: 'is rootless: your files belong to root in its containers, so an agent, which is never root, could not change them',
    hint: `use an engine that runs as root, ${other}`,
  },
  remapped: {
    what: 'has userns-remap: your files belong to nobody in its containers, so an agent could not change them',
    hint: `remove userns-remap from its daemon.json, or use another engine, ${other}`,
  },
} as const;

/**
 * Returns the error E_ENGINE_UNFIT for an engine on which agents cannot work; undefined if they can.
 * @param place the engine's address, e.g. `unix:///run/user/1000/docker.sock`.
 */
export function unfit(
  { kind, rootless, remapped }: EngineInfo,
  place?: string,
): UserError | undefined {
  const reason =
    kind === 'Podman' ? 'podman' : rootless ? 'rootless' : remapped ? 'remapped' : undefined;
  if (reason === undefined) return undefined;
  const { what, hint } = reasons[reason];
  return new UserError(
    'E_ENGINE_UNFIT',
    `${place === undefined ? 'the engine' : `the engine at ${place}`} ${what}`,
    { hint },
  );
}
