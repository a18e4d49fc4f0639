/** Parses manifests and lists of tags as registries serve them. */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseAnswer } from '@ai-bakery/kernel/json.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';

/** A manifest as it was served: the index of an image's platforms, or the manifest of one image. */
export type Manifest = {
  readonly digest: Digest;
  readonly mediaType: string;
  /** The served bytes; `digest` is their digest. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** `linux/arm64`; empty for a single manifest. */
  readonly platforms: readonly string[];
  /** Digests of an index's manifests, those of attestations included. */
  readonly children: readonly Digest[];
  readonly annotations: Readonly<Record<string, string>>;
};

/** Media types for `Accept`: an index first, of OCI or of Docker. OCI image spec, media-types.md */
export const mediaTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

export const DigestText = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);

// OCI image spec, image-index.md and manifest.md: the fields that bakery uses.
const Body = z.object({
  mediaType: z.string().optional(),
  manifests: z
    .array(
      z.object({
        digest: DigestText,
        platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
      }),
    )
    .optional(),
  annotations: z.record(z.string(), z.string()).default({}),
});

const Tags = z.object({ tags: z.array(z.string()).nullish() });

/** The digest of these bytes. */
export function digestOf(body: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

/**
 * Parses a manifest. Computes its digest: the registry's own header is not trusted.
 * @throws UserError E_ANSWER if the body is not a manifest.
 */
export function parseManifest(body: Uint8Array<ArrayBuffer>): Manifest {
  const { mediaType, manifests, annotations } = answerOf(body, Body);
  return {
    digest: digestOf(body),
    // Optional in OCI's manifests; the fields then tell an index from an image.
    mediaType: mediaType ?? (manifests === undefined ? mediaTypes[2] : mediaTypes[0]),
    body,
    platforms: (manifests ?? []).flatMap(({ platform }) =>
      platform === undefined || platform.os === 'unknown'
        ? []
        : [`${platform.os}/${platform.architecture}`],
    ),
    children: (manifests ?? []).map(({ digest }) => digest),
    annotations,
  };
}

/** Parses one page of a list of tags. Distribution spec, "listing tags" */
export function parseTags(body: Uint8Array): string[] {
  return answerOf(body, Tags).tags ?? [];
}

function answerOf<T>(body: Uint8Array, schema: z.ZodType<T>): T {
  return parseAnswer(Buffer.from(body).toString(), schema, 'the registry');
}
