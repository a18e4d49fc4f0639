import { UserError } from './error.ts';

const reasons = {
  rootless:
    'is rootless: your files are root’s in its containers, so an agent, which is never root, could not change them',
  remapped:
    'has userns-remap: in its containers your files are nobody’s, so an agent could not change them',
} as const;

/**
 * Why an agent cannot work on an engine whose containers have other uids than the machine. Code E_ENGINE_UIDS.
 * @param engine where it is, e.g. `unix:///run/user/1000/docker.sock`.
 */
export const otherUids = (uids: keyof typeof reasons, engine: string): UserError =>
  new UserError('E_ENGINE_UIDS', `the engine at ${engine} ${reasons[uids]}`, {
    hint:
      uids === 'rootless'
        ? 'use an engine that runs as root, with DOCKER_CONTEXT or DOCKER_HOST (`docker context ls`; `podman machine set --rootful`)'
        : 'take userns-remap out of its daemon.json, or use another engine with DOCKER_CONTEXT or DOCKER_HOST',
  });
