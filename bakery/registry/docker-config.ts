/** Reads the credentials for a registry from docker's configuration: `config.json` and the helpers that it names. */

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { run } from '../host/exec.ts';
import { serverOf, spellingsOf } from './server-name.rules.ts';

/** A user and a password, or a token that the registry's token service exchanges for others. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly secret: string }
  | { readonly kind: 'identity'; readonly token: string };

// docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
const Auth = z.object({ auth: z.string().optional(), identitytoken: z.string().optional() });
const Config = z.object({
  auths: z.record(z.string(), Auth).default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
});

// github.com/docker/docker-credential-helpers: the output of `get`.
const Helped = z.object({ Username: z.string(), Secret: z.string() });

/** A helper, and the key of config.json that names it. */
type Helper = { readonly name: string; readonly key: string; readonly path: string };

/**
 * The credentials that docker has for a registry, under any spelling of its name.
 * @throws UserError E_DOCKER_CONFIG for an invalid file or output of a helper, E_NO_PROGRAM for a missing helper.
 */
export async function readCredentials(registry: string): Promise<Credentials | undefined> {
  const path = join(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json');
  const { auths, credsStore, credHelpers } = await readConfig(path);
  const [special] = spellingsOf(registry, Object.keys(credHelpers));
  const names = spellingsOf(registry, Object.keys(auths));
  const helper: Helper | undefined =
    special === undefined
      ? credsStore === undefined
        ? undefined
        : { name: credsStore, key: 'credsStore', path }
      : { name: credHelpers[special] ?? '', key: 'credHelpers', path };
  if (helper === undefined) return firstOf(names.map((name) => () => decode(auths[name])));
  // A helper knows a registry by the name under which the user logged in.
  const servers = new Set([serverOf(registry), ...names]);
  return firstOf([...servers].map((server) => () => askHelper(helper, server)));
}

async function readConfig(path: string): Promise<z.infer<typeof Config>> {
  const text = await readFile(path, 'utf8').catch(() => '{}');
  const config = parseJson(text, Config);
  if (config !== undefined) return config;
  throw new UserError('E_DOCKER_CONFIG', `${path} is not a valid configuration of docker`, {
    hint: 'correct it, or run `docker login` again',
  });
}

async function firstOf(
  sources: readonly (() => Credentials | undefined | Promise<Credentials | undefined>)[],
): Promise<Credentials | undefined> {
  for (const source of sources) {
    const found = await source();
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @returns undefined for the empty entry that `docker login` writes if a helper keeps the secret. */
function decode({ auth = '', identitytoken }: z.infer<typeof Auth> = {}): Credentials | undefined {
  if (identitytoken !== undefined) return { kind: 'identity', token: identitytoken };
  const [user = '', ...rest] = Buffer.from(auth, 'base64').toString().split(':');
  return user === '' ? undefined : { kind: 'password', user, secret: rest.join(':') };
}

async function askHelper(helper: Helper, server: string): Promise<Credentials | undefined> {
  const { exitCode, stdout } = await runHelper(helper, server);
  // A helper exits with 1 if it has no credentials for the server.
  if (exitCode !== 0) return undefined;
  const found = parseJson(stdout, Helped);
  // The message has no part of the output, which may contain the secret.
  if (found === undefined)
    throw new UserError(
      'E_DOCKER_CONFIG',
      `docker-credential-${helper.name} printed invalid credentials for ${server}`,
      { hint: `correct "${helper.key}" in ${helper.path}, or run \`docker login\` again` },
    );
  const { Username: user, Secret: secret } = found;
  return user === '<token>'
    ? { kind: 'identity', token: secret }
    : { kind: 'password', user, secret };
}

async function runHelper({ name, key, path }: Helper, server: string): ReturnType<typeof run> {
  const file = `docker-credential-${name}`;
  try {
    return await run({ file, args: ['get'] }, { input: server, timeout: 60_000 });
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'E_NO_PROGRAM') throw error;
    throw new UserError(
      'E_NO_PROGRAM',
      `"${key}" in ${path} names the credential helper "${name}": ${error.message}`,
      {
        hint: `install ${file}, or remove "${name}" from "${key}" and run \`docker login\` again`,
        cause: error,
      },
    );
  }
}
