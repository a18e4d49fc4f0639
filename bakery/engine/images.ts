/** Lists, inspects and saves images of the engine, one platform at a time. */

import { Readable } from 'node:stream';
import { z } from 'zod';
import { type Platform, platforms } from '@ai-bakery/kernel/platform.ts';
import { keyLabel } from '../plan/plan.rules.ts';
import type { Engine } from './engine.ts';

/** An image of the engine that the bakery made. */
export type LocalImage = {
  readonly reference: string;
  readonly key: string;
  readonly platforms: readonly Platform[];
};

/** The configuration of an image for one platform. Fields as in the OCI image configuration. */
export type ImageConfig = {
  readonly diffIds: readonly string[];
  readonly architecture: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly env: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
};

// The engine's answers, as far as they are used. docs.docker.com/reference/api/engine, v1.49 and newer.
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

/** Every image of the engine that has an input key, once for each of its names. */
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
  engine: Engine,
  reference: string,
  platform: Platform,
): Promise<ImageConfig> {
  const answer = await askForPlatform(engine, `/images/${reference}/json`, platform, false);
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
 * All of an image for one platform, as a tar of its OCI layout. Other platforms may be missing: an image that was pulled
 * for one cannot be saved for all. API v1.48 and newer; older engines save all.
 */
export async function saveImage(
  engine: Engine,
  reference: string,
  platform: Platform,
): Promise<Readable> {
  const stream = await askForPlatform(engine, `/images/${reference}/get`, platform, true);
  if (stream instanceof Readable) return stream;
  throw new Error(`${reference}: the engine saved nothing`);
}

/**
 * Removes names of images: the matching tags of a repository, and the names by digest under which the same images were
 * pulled. An image is removed with its last name, and stays while a container needs it.
 */
export async function removeNames(
  { docker }: Engine,
  repository: string,
  matches: (tag: string) => boolean,
): Promise<void> {
  const listed = ListedImages.parse(
    await docker.listImages({ filters: { reference: [repository] } }),
  );
  const tags = listed
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .filter((name) => name.startsWith(`${repository}:`))
    .filter((name) => matches(name.slice(repository.length + 1)));
  // A list by repository omits the names that the same images have in others.
  const images = await Promise.all(tags.map((name) => docker.getImage(name).inspect()));
  const pulled = images.flatMap(({ RepoTags }) => RepoTags).filter((name) => name.includes('@'));
  await Promise.allSettled(
    [...new Set([...tags, ...pulled])].map((name) => docker.getImage(name).remove()),
  );
}

/** dockerode's own calls lose their query, and without a platform the engine answers for the machine's. */
function askForPlatform(
  { docker }: Engine,
  path: string,
  platform: Platform,
  isStream: boolean,
): Promise<unknown> {
  const [os, architecture] = platform.split('/');
  return new Promise((resolve, reject) => {
    docker.modem.dial(
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
