import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { z } from 'zod';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import { type Platform, platforms } from '@ai-bakery/kernel/platform.ts';
import { keyLabel } from '../plan/plan.rules.ts';
import { run } from '../host/exec.ts';

/** The only file that speaks dockerode: it asks the engine what exists, and removes by label. */

export type Engine = {
  readonly docker: Docker;
  /** Identity of this engine: what was built or tested on another one does not count here. */
  readonly id: string;
  readonly version: string;
  readonly cpus: number;
  /** Multi-platform images need it. */
  readonly containerdStore: boolean;
};

/** An image of the engine that the bakery made. */
export type LocalImage = {
  readonly reference: string;
  readonly key: string;
  readonly platforms: readonly Platform[];
};

// What the engine answers, as far as it is used. docs.docker.com/reference/api/engine, v1.49 and newer.
const ListedImages = z.array(
  z.object({
    RepoTags: z.array(z.string()).nullish(),
    Labels: z.record(z.string(), z.string()).nullish(),
    Manifests: z
      .array(
        z.object({
          Kind: z.string(),
          Available: z.boolean(),
          ImageData: z
            .object({ Platform: z.object({ os: z.string(), architecture: z.string() }) })
            .nullish(),
        }),
      )
      .nullish(),
  }),
);

const InspectedImage = z.object({
  Architecture: z.string(),
  RootFS: z.object({ Layers: z.array(z.string()) }),
  Config: z.object({
    User: z.string().default(''),
    Entrypoint: z.array(z.string()).nullish(),
    Env: z.array(z.string()).nullish(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
});

/** What an image says of itself for one platform. Fields as in the OCI image configuration. */
export type ImageConfig = {
  readonly diffIds: readonly string[];
  readonly architecture: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly env: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
};

/**
 * The engine that the docker CLI talks to.
 * @throws UserError E_NO_ENGINE with the address, when it does not answer.
 */
export async function openEngine(signal?: AbortSignal): Promise<Engine> {
  const named = process.env['DOCKER_HOST'] ?? '';
  const address = named === '' ? await contextAddress(signal) : named;
  try {
    // dockerode reads DOCKER_HOST itself, with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.
    const docker = named === '' ? connect(address) : new Docker();
    const info = await docker.info();
    return {
      docker,
      id: String(info.ID),
      version: String(info.ServerVersion),
      cpus: Number(info.NCPU),
      containerdStore: JSON.stringify(info.DriverStatus ?? '').includes(
        'io.containerd.snapshotter',
      ),
    };
  } catch (error) {
    throw new UserError(
      'E_NO_ENGINE',
      `no Docker engine answers at ${address}: ${messageOf(error)}`,
      {
        hint: 'start it, or set DOCKER_HOST or the docker context; on a fresh Debian or Ubuntu as root: scripts/setup --install-engine',
        cause: error,
      },
    );
  }
}

/** Every image of the engine that carries an input key, once for each of its names. */
export async function localImages({ docker }: Engine): Promise<LocalImage[]> {
  const images = ListedImages.parse(
    await docker.listImages({ manifests: true, filters: { label: [keyLabel] } }),
  );
  return images.flatMap(({ RepoTags, Labels, Manifests }) => {
    const names = (Manifests ?? [])
      .filter(({ Kind, Available }) => Kind === 'image' && Available)
      .map(({ ImageData }) => `${ImageData?.Platform.os}/${ImageData?.Platform.architecture}`);
    return (RepoTags ?? []).map((reference) => ({
      reference,
      key: Labels?.[keyLabel] ?? '',
      platforms: platforms.filter((platform) => names.includes(platform)),
    }));
  });
}

export async function inspectImage(
  { docker }: Engine,
  reference: string,
  platform: Platform,
): Promise<ImageConfig> {
  const answer = await askForPlatform(docker, `/images/${reference}/json`, platform, false);
  const { Architecture, RootFS, Config } = InspectedImage.parse(answer);
  return {
    diffIds: RootFS.Layers,
    architecture: Architecture,
    user: Config.User,
    entrypoint: Config.Entrypoint ?? [],
    env: Config.Env ?? [],
    labels: Config.Labels ?? {},
  };
}

/**
 * All of an image for one platform, as a tar of its OCI layout. Only that platform has to be there: an image that was
 * pulled for one cannot be saved for all. API v1.48 and newer; older engines save all.
 */
export async function saveImage(
  { docker }: Engine,
  reference: string,
  platform: Platform,
): Promise<Readable> {
  const stream = await askForPlatform(docker, `/images/${reference}/get`, platform, true);
  if (stream instanceof Readable) return stream;
  throw new Error(`${reference}: the engine saved nothing`);
}

/**
 * Removes every container with this label, running or not.
 * @param label `name=value`, or a name and `isIt` of its value.
 * @returns how many there were.
 */
export async function removeContainers(
  { docker }: Engine,
  label: string,
  isIt: (value: string) => boolean = () => true,
): Promise<number> {
  const listed = await docker.listContainers({ all: true, filters: { label: [label] } });
  const containers = listed.filter(({ Labels }) => isIt(Labels[label] ?? ''));
  await Promise.all(
    containers.map(({ Id }) =>
      docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        // Another remove, docker's own --rm, may have come first.
        .catch((error: { statusCode?: number }) => {
          if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
        }),
    ),
  );
  return containers.length;
}

/**
 * Takes away names of images: those in a repository of the engine that are meant, and those by digest, under which the same
 * images were pulled. An image goes with its last name, and stays while a container needs it.
 */
export async function removeNames(
  { docker }: Engine,
  repository: string,
  isIt: (tag: string) => boolean,
): Promise<void> {
  const listed = ListedImages.parse(
    await docker.listImages({ filters: { reference: [repository] } }),
  );
  const isMeant = (name: string): boolean =>
    name.startsWith(`${repository}:`) && isIt(name.slice(repository.length + 1));
  const meant = listed.flatMap(({ RepoTags }) => RepoTags ?? []).filter(isMeant);
  // A list by repository names no other one.
  const images = await Promise.all(meant.map((name) => docker.getImage(name).inspect()));
  const pulled = images.flatMap(({ RepoTags }) => RepoTags).filter((name) => name.includes('@'));
  await Promise.allSettled(
    [...new Set([...meant, ...pulled])].map((name) => docker.getImage(name).remove()),
  );
}

/** The address in the docker context, which dockerode does not know: the docker CLI is asked. */
async function contextAddress(signal?: AbortSignal): Promise<string> {
  const { exitCode, stdout, stderr } = await run(
    { file: 'docker', args: ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'] },
    signal === undefined ? {} : { signal },
  );
  if (exitCode === 0) return stdout.trim();
  throw new UserError(
    'E_NO_ENGINE',
    `docker does not know its engine: ${redacted(stderr).trim()}`,
    {
      hint: 'look at `docker context ls`, and at DOCKER_CONTEXT and DOCKER_HOST',
    },
  );
}

function connect(address: string): Docker {
  const url = new URL(address);
  if (url.protocol === 'unix:') return new Docker({ socketPath: url.pathname });
  if (url.protocol === 'ssh:') {
    return new Docker({
      protocol: 'ssh',
      host: url.hostname,
      username: url.username,
      ...(url.port === '' ? {} : { port: Number(url.port) }),
    });
  }
  return new Docker({ host: url.hostname, port: Number(url.port || 2375) });
}

/** dockerode's own calls lose their query, and without a platform the engine answers for the machine's. */
function askForPlatform(
  { modem }: Docker,
  path: string,
  platform: Platform,
  isStream: boolean,
): Promise<unknown> {
  const [os, architecture] = platform.split('/');
  return new Promise((resolve, reject) => {
    modem.dial(
      {
        path: `${path}?`,
        method: 'GET',
        isStream,
        options: { platform: JSON.stringify({ os, architecture }) },
        statusCodes: { 200: true, 404: 'no such image', 500: 'server error' },
      },
      (error: Error | null, data: unknown) => (error === null ? resolve(data) : reject(error)),
    );
  });
}
