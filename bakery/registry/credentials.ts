import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '@ai-bakery/kernel/error.ts';

/** What `docker login` left: a name and a secret, or a token that is exchanged for others. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly secret: string }
  | { readonly kind: 'identity'; readonly token: string };

// docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
const Config = z.object({
  auths: z
    .record(
      z.string(),
      z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }),
    )
    .default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
});

// github.com/docker/docker-credential-helpers: what `get` prints.
const Helped = z.object({ Username: z.string(), Secret: z.string() });

/**
 * The credentials docker has for a registry.
 * @throws UserError E_DOCKER_CONFIG for a file that cannot be read, E_NO_PROGRAM for a helper that is not there.
 */
export async function readCredentials(registry: string): Promise<Credentials | undefined> {
  const server = serverOf(registry);
  const { auths, credsStore, credHelpers } = await readConfig();
  const helper = credHelpers[server] ?? credsStore;
  if (helper !== undefined) return fromHelper(helper, server);
  const { auth, identitytoken } = auths[server] ?? auths[`https://${server}`] ?? {};
  if (identitytoken !== undefined) return { kind: 'identity', token: identitytoken };
  const [user, ...rest] = Buffer.from(auth ?? '', 'base64')
    .toString()
    .split(':');
  return user === undefined || user === ''
    ? undefined
    : { kind: 'password', user, secret: rest.join(':') };
}

/** The name that docker's configuration has for a registry: Docker Hub's is an address of old. */
function serverOf(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
}

async function readConfig(): Promise<z.infer<typeof Config>> {
  const path = join(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json');
  const text = await readFile(path, 'utf8').catch(() => '{}');
  try {
    return Config.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError('E_DOCKER_CONFIG', `${path} is not a configuration of docker`, {
      hint: 'correct it, or run `docker login` again',
      cause: error,
    });
  }
}

async function fromHelper(helper: string, server: string): Promise<Credentials | undefined> {
  const { run } = await import('../host/exec.ts');
  const { exitCode, stdout } = await run(
    { file: `docker-credential-${helper}`, args: ['get'] },
    { input: server, timeout: 60_000 },
  );
  // A helper says so, and exits with 1, when it knows no credentials for the server.
  if (exitCode !== 0) return undefined;
  const { Username: user, Secret: secret } = Helped.parse(JSON.parse(stdout));
  return user === '<token>'
    ? { kind: 'identity', token: secret }
    : { kind: 'password', user, secret };
}
