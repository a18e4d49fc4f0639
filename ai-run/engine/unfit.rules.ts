import type { EngineInfo } from './engine-info.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';

const other = 'with DOCKER_CONTEXT or DOCKER_HOST (`docker context ls`)';

const reasons = {
  podman: {
    what: 'is Podman: it knows neither Docker’s seccomp profile by its name nor a tmpfs with an owner, and the policy asks for both',
    hint: `use a Docker engine, ${other}`,
  },
  rootless: {
    what: 'is rootless: your files are root’s in its containers, so an agent, which is never root, could not change them',
    hint: `use an engine that runs as root, ${other}`,
  },
  remapped: {
    what: 'has userns-remap: in its containers your files are nobody’s, so an agent could not change them',
    hint: `take userns-remap out of its daemon.json, or use another engine, ${other}`,
  },
} as const;

/**
 * Why no agent can work on an engine; nothing where one can. Code E_ENGINE_UNFIT.
 * @param place where the engine is, e.g. `unix:///run/user/1000/docker.sock`.
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
