/** Composes manifests and configurations of images, as values. */

import { z } from 'zod';
import { parseAnswer } from '@ai-bakery/kernel/json.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import {
  digestOf,
  DigestText,
  type Manifest,
  mediaTypes,
  parseManifest,
} from '../registry/manifest.rules.ts';
import type { Image } from '../plan/plan.rules.ts';

/**
 * The result is the image that BuildKit would push if it had the layers. Manifests are enough; no bytes of layers are read.
 */

const Descriptor = z.looseObject({ mediaType: z.string(), digest: DigestText, size: z.int() });

// OCI image spec, manifest.md and config.md: the fields that are changed; everything else stays as it is.
const ImageManifest = z.looseObject({
  config: Descriptor,
  layers: z.array(Descriptor),
});

const ImageConfig = z.looseObject({
  rootfs: z.looseObject({ diff_ids: z.array(DigestText) }),
  history: z.array(z.looseObject({ empty_layer: z.boolean().optional() })).default([]),
});

type Bytes = Uint8Array<ArrayBuffer>;

// OCI image spec, image-index.md
const Index = z.object({
  manifests: z.array(
    z.object({
      digest: DigestText,
      platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
    }),
  ),
});

/** One platform's image as a registry has it: its manifest and its configuration. */
export type Single = { readonly manifest: Manifest; readonly config: Bytes };

/** The manifest of each platform in an index, without attestations, which have no platform. */
export function manifestsOf({ body }: Manifest): ReadonlyMap<string, Digest> {
  return new Map(
    parse(Index, body).manifests.flatMap(({ digest, platform }) =>
      platform === undefined || platform.os === 'unknown'
        ? []
        : [[`${platform.os}/${platform.architecture}`, digest] as const],
    ),
  );
}

/** Digests of the configuration and the layers of one platform's image. */
export function blobsOf({ body }: Manifest): { config: Digest; layers: readonly Digest[] } {
  const { config, layers } = parse(ImageManifest, body);
  return { config: config.digest, layers: layers.map(({ digest }) => digest) };
}

/**
 * The image without its layers: base, environment, labels, user and entrypoint. It is an image of its own, with a key of its own,
 * so that its staging tag is never taken for the whole image's.
 */
export function frameOf(image: Image): Image {
  const last = image.dockerfile.slice(image.dockerfile.lastIndexOf('\nFROM ') + 1);
  return {
    ...image,
    key: digestOf(bytesOf(['frame', image.key])),
    dockerfile: last.replaceAll(/^COPY --link --from=.*\n/gm, ''),
    layers: [],
  };
}

/** Adds the layers of these images, the lowest first, to a frame. */
export function addLayers(frame: Single, layers: readonly Single[]): Single {
  const manifest = parse(ImageManifest, frame.manifest.body);
  const config = parse(ImageConfig, frame.config);
  const added = layers.map((layer) => ({
    ...parse(ImageManifest, layer.manifest.body),
    own: parse(ImageConfig, layer.config),
  }));
  const body = bytesOf({
    ...config,
    rootfs: {
      ...config.rootfs,
      diff_ids: [...config.rootfs.diff_ids, ...added.flatMap(({ own }) => own.rootfs.diff_ids)],
    },
    history: [
      ...config.history,
      ...added.flatMap(({ own }) => own.history.filter((one) => one.empty_layer !== true)),
    ],
  });
  return {
    config: body,
    manifest: parseManifest(
      bytesOf({
        ...manifest,
        config: { ...manifest.config, digest: digestOf(body), size: body.length },
        layers: [...manifest.layers, ...added.flatMap((one) => one.layers)],
      }),
    ),
  };
}

/** The index of these manifests, by platform. */
export function indexOf(
  manifests: ReadonlyMap<string, Manifest>,
  annotations: Readonly<Record<string, string>>,
): Manifest {
  return parseManifest(
    bytesOf({
      schemaVersion: 2,
      mediaType: mediaTypes[0],
      manifests: [...manifests].map(([platform, { mediaType, digest, body }]) => {
        const [os, architecture] = platform.split('/');
        return { mediaType, digest, size: body.length, platform: { os, architecture } };
      }),
      annotations,
    }),
  );
}

function parse<T>(schema: z.ZodType<T>, body: Bytes): T {
  return parseAnswer(Buffer.from(body).toString(), schema, 'the registry');
}

function bytesOf(value: unknown): Bytes {
  return new Uint8Array(Buffer.from(JSON.stringify(value)));
}
