import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Digest } from '@ai-bakery/kernel/reference.ts';

/** What a registry has under a name: the index of an image's platforms, or a single manifest. */
export type Manifest = {
  readonly digest: Digest;
  readonly mediaType: string;
  /** As it was served, byte for byte: its digest is the digest of these. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** `linux/arm64`; none for a single manifest. */
  readonly platforms: readonly string[];
  /** Digests of the manifests of an index; those of attestations too. */
  readonly children: readonly Digest[];
  readonly annotations: Readonly<Record<string, string>>;
};

/** Media types that are asked for: an index first, of OCI or of Docker. OCI image spec, media-types.md */
export const mediaTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

export const DigestText = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);

// OCI image spec, image-index.md and manifest.md: the fields that are used.
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

const Faults = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string().optional() })),
});

/** Names these bytes. */
export function digestOf(body: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

/**
 * Reads a manifest as it was served. Its digest is computed: what a registry says of it is not taken on trust.
 * @throws ZodError or SyntaxError when it is none.
 */
export function parseManifest(body: Uint8Array<ArrayBuffer>): Manifest {
  const { mediaType, manifests, annotations } = Body.parse(parseJson(body));
  return {
    digest: digestOf(body),
    // Optional in OCI's manifests, which then are what they look like.
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

/** The tags on one page of a list. Distribution spec, "listing tags". */
export function parseTags(body: Uint8Array): string[] {
  return Tags.parse(parseJson(body)).tags ?? [];
}

/** What a registry says is wrong, as far as it says so. Distribution spec, "error codes". */
export function parseFaults(body: Uint8Array): string[] {
  try {
    return Faults.parse(parseJson(body)).errors.map(({ code, message = '' }) =>
      `${code} ${message}`.trim(),
    );
  } catch {
    return [];
  }
}

function parseJson(body: Uint8Array): unknown {
  return JSON.parse(Buffer.from(body).toString());
}
