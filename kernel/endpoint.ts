/** The address of the engine that docker's client would use. */

import { parseJson } from './json.ts';

/** An engine's address. */
export type Endpoint = {
  /** `unix:///var/run/docker.sock`, `ssh://build@example.com` */
  readonly host: string;
  /** The source of the address: `DOCKER_HOST`, `context desktop-linux`, `docker’s default`. */
  readonly from: string;
};

const defaultHost = 'unix:///var/run/docker.sock';

/** Returns the selected context; undefined means the default. docs.docker.com/engine/manage-resources/contexts */
export function chosenContext(
  env: Readonly<Record<string, string | undefined>>,
  config: string | undefined,
): string | undefined {
  if (env['DOCKER_CONTEXT'])
    return env['DOCKER_CONTEXT'] === 'default' ? undefined : env['DOCKER_CONTEXT'];
  const name = field(config, 'currentContext');
  return name === 'default' || typeof name !== 'string' || name === '' ? undefined : name;
}

/**
 * Returns the address of the engine that docker's client would use.
 * @param meta the text of the chosen context's meta.json, e.g. `{"Endpoints":{"docker":{"Host":"unix:///…"}}}`.
 * @returns undefined for a context that cannot be read: docker's client reports the reason.
 */
export function endpointOf(
  env: Readonly<Record<string, string | undefined>>,
  context: string | undefined,
  meta: string | undefined,
): Endpoint | undefined {
  if (env['DOCKER_HOST']) return { host: env['DOCKER_HOST'], from: 'DOCKER_HOST' };
  if (context === undefined) return { host: defaultHost, from: 'docker’s default' };
  const host = field(meta, 'Endpoints', 'docker', 'Host');
  return typeof host === 'string' ? { host, from: `context ${context}` } : undefined;
}

/** Returns a field of a JSON text; undefined if the text is invalid or lacks it. */
function field(json: string | undefined, ...path: readonly string[]): unknown {
  let value = parseJson(json ?? '');
  for (const name of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return value;
}
