/** The address of the Docker engine, found by docker's own rules: environment, context, default. */

import { UserError } from './error.ts';
import { parseJson } from './json.ts';

/** The engine that docker's client talks to. */
export type Endpoint = {
  /** As it was written: `unix:///var/run/docker.sock`, `ssh://build@example.com`, `192.0.2.1:2375` */
  readonly host: string;
  /** The setting that names it: `DOCKER_HOST`, `context desktop-linux`, `docker’s default`. */
  readonly from: string;
  /** The folder of ca.pem, cert.pem and key.pem. */
  readonly certificates?: string;
  /** Whether TLS is used although the folder has no certificate. */
  readonly tls?: true;
  /** TLS without a check of the engine's certificate. */
  readonly unverified?: true;
};

/** The address of an endpoint, in parts. */
export type Address =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'ssh' };

/** PEM texts for a connection with TLS. */
export type Tls = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly verify: boolean;
};

/** The parts of a machine that the rules need. */
export type Machine = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home. */
  readonly home: string;
  /** Reads a text file; undefined if it cannot be read. */
  readonly read: (path: string) => string | undefined;
  /** SHA-256 as hexadecimal digits: docker's name for the folder of a context. */
  readonly sha256: (text: string) => string;
};

const defaultSocket = '/var/run/docker.sock';

/**
 * Finds the engine in docker's order: DOCKER_HOST, DOCKER_CONTEXT, `currentContext` of config.json, the default.
 * docs.docker.com/engine/manage-resources/contexts
 * @returns undefined if the chosen context cannot be read.
 */
export function findEndpoint({ env, home, read, sha256 }: Machine): Endpoint | undefined {
  const folder = env['DOCKER_CONFIG'] || `${home}/.docker`;
  const context = chosenContext(env, () => read(`${folder}/config.json`));
  if (context === undefined) return defaultEndpoint(env, folder);
  const hash = sha256(context);
  const meta = read(`${folder}/contexts/meta/${hash}/meta.json`);
  return contextEndpoint(context, meta, `${folder}/contexts/tls/${hash}/docker`);
}

/** The name of the chosen context; undefined for the default one, which consists of environment variables. */
export function chosenContext(
  env: Machine['env'],
  readConfig: () => string | undefined,
): string | undefined {
  if (env['DOCKER_HOST']) return undefined;
  const name = env['DOCKER_CONTEXT'] || field(readConfig(), 'currentContext');
  return name === 'default' || typeof name !== 'string' || name === '' ? undefined : name;
}

/** Splits an endpoint's host as docker does: without a scheme it is TCP, and its port is 2375 by default. */
export function addressOf({ host }: Endpoint): Address | undefined {
  if (host.startsWith('unix://'))
    return { kind: 'socket', path: host.slice('unix://'.length) || defaultSocket };
  if (host.startsWith('ssh://')) return { kind: 'ssh' };
  const text = host.startsWith('tcp://') ? host.slice('tcp://'.length) : host;
  const [, name, port] = /^(\[[^\]]*\]|[^:/]*)(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  if (name === undefined || (name === '' && port === undefined)) return undefined;
  const plain = name.replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host: plain || 'localhost', port: Number(port ?? 2375) };
}

/**
 * Reads the certificates of an endpoint.
 * @returns undefined if the connection is a plain one.
 * @throws UserError E_NO_ENGINE if TLS is asked for by variables and ca.pem cannot be read.
 */
export function readTls(endpoint: Endpoint, read: Machine['read']): Tls | undefined {
  const { certificates: folder, tls, unverified } = endpoint;
  if (folder === undefined) return undefined;
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => read(`${folder}/${name}.pem`));
  if (tls === true && ca === undefined) {
    throw new UserError('E_NO_ENGINE', `${folder}/ca.pem cannot be read`, {
      hint: 'set DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem, or unset DOCKER_TLS_VERIFY',
    });
  }
  if (ca === undefined && cert === undefined && key === undefined && unverified !== true)
    return undefined;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    verify: unverified !== true,
  };
}

/** The endpoint of environment variables alone. docs.docker.com/reference/cli/docker/#environment-variables */
function defaultEndpoint(env: Machine['env'], folder: string): Endpoint {
  const verify = Boolean(env['DOCKER_TLS_VERIFY']);
  const tls = verify || Boolean(env['DOCKER_TLS']);
  const named = env['DOCKER_HOST'];
  const from = named ? 'DOCKER_HOST' : 'docker’s default';
  if (!tls) return { host: named || `unix://${defaultSocket}`, from };
  return {
    host: named || 'tcp://localhost:2376',
    from,
    certificates: env['DOCKER_CERT_PATH'] || folder,
    tls,
    ...(verify ? {} : { unverified: true }),
  };
}

/** @param meta the text of the context's meta.json, e.g. `{"Endpoints":{"docker":{"Host":"unix:///…"}}}`. */
function contextEndpoint(
  context: string,
  meta: string | undefined,
  certificates: string,
): Endpoint | undefined {
  const host = field(meta, 'Endpoints', 'docker', 'Host');
  if (typeof host !== 'string') return undefined;
  const skips = field(meta, 'Endpoints', 'docker', 'SkipTLSVerify') === true;
  return {
    host,
    from: `context ${context}`,
    certificates,
    ...(skips ? { unverified: true } : {}),
  };
}

/** A field of a JSON text; undefined if the text is not JSON or does not have the field. */
function field(json: string | undefined, ...path: readonly string[]): unknown {
  let value = parseJson(json ?? '');
  for (const name of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return value;
}
