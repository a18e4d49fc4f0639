import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Digest } from '../../ai-run/core/reference.ts';

/** What a registry has under a name: the index of an image's platforms, or a single manifest. */
export type Manifest = {
  readonly digest: Digest;
  /** `linux/arm64`; none for a single manifest. */
  readonly platforms: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
};

/** Media types that are asked for: an index first, of OCI or of Docker. OCI image spec, media-types.md */
export const mediaTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

// OCI image spec, image-index.md and manifest.md: the fields that are used.
const Body = z.object({
  manifests: z
    .array(
      z.object({ platform: z.object({ os: z.string(), architecture: z.string() }).optional() }),
    )
    .default([]),
  annotations: z.record(z.string(), z.string()).default({}),
});

/**
 * Reads a manifest as it was served. Its digest is computed: what a registry says of it is not taken on trust.
 * @throws ZodError or SyntaxError when it is none.
 */
export const parseManifest = (body: Uint8Array): Manifest => {
  const { manifests, annotations } = Body.parse(JSON.parse(Buffer.from(body).toString()));
  return {
    digest: `sha256:${createHash('sha256').update(body).digest('hex')}`,
    platforms: manifests.flatMap(({ platform }) =>
      platform === undefined || platform.os === 'unknown'
        ? []
        : [`${platform.os}/${platform.architecture}`],
    ),
    annotations,
  };
};
