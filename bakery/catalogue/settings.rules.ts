import { z } from 'zod';
import { CiSettings } from '../pipeline/ci-settings.rules.ts';
import { UpstreamReference } from './definition.rules.ts';
import { Scanning } from '../publisher/scan.rules.ts';
import { WrittenSigning } from '../publisher/signature.rules.ts';

const Path = z.string().min(1);

const HostPrefix = z.string().regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/, {
  error:
    'expected a registry, or registry/path, without scheme, like "mirror.example.com/docker.io"',
});

/**
 * An image that lists what is in another one (BuildKit's docs/attestations/sbom-protocol.md). It sees every file, and what it
 * says is believed: so it is pinned, as everything is that builds.
 */
export const SbomGenerator = z
  .string()
  .regex(
    /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9]+(?:[._-][a-z0-9]+)*)+(:[\w][\w.-]{0,127})?@sha256:[0-9a-f]{64}$/,
    {
      error:
        'expected "off", or a generator by digest, like "docker.io/docker/buildkit-syft-scanner:1@sha256:…"',
    },
  );

/** `min` names what an image was made of, `max` every step, and the values of build arguments, too. */
export const ProvenanceMode = z.enum(['min', 'max', 'off']);

/** `bakery.yaml` and `bakery.local.yaml` as they are written; the second one's keys replace the first one's. */
export const WrittenSettings = z.strictObject({
  /** Upstream images that agent layers are made in. `{python}` in the last stands for the interpreter an agent names. */
  upstreams: z
    .strictObject({
      node: UpstreamReference,
      uv: UpstreamReference,
      python: z.string().includes('{python}'),
    })
    .optional(),
  /** Where the digests of the upstream images are kept, relative to the checkout. */
  upstreamLock: Path.optional(),
  /** Upstream registry, or registry/path, to what is asked instead, e.g. `docker.io: mirror.example.com/docker.io`. */
  mirrors: z.record(HostPrefix, HostPrefix).optional(),
  /** PEM file with the CAs that build steps trust. */
  ca: Path.optional(),
  /** npm's and uv's configuration for build steps: other registries and their tokens. Never in an image. */
  npmrc: Path.optional(),
  uv: Path.optional(),
  proxy: z
    .strictObject({
      http: z.url().optional(),
      https: z.url().optional(),
      no: z.string().optional(),
    })
    .optional(),
  /** URL of the repository that these definitions are kept in; images and their indexes name it. */
  source: z.url({ protocol: /^https?$/ }).optional(),
  /** What publishing attaches to images. */
  attest: z
    .strictObject({
      /** How an image was made. */
      provenance: ProvenanceMode.optional(),
      /** What is in an image, listed by this generator. */
      sbom: z.union([z.literal('off'), SbomGenerator]).optional(),
    })
    .optional(),
  /** How many layers are built, and images tested, at a time. */
  jobs: z.int().min(1).max(64).optional(),
  /**
   * Seconds for which a build or a push may show nothing, and that a pull may take, before it is ended and, where that can
   * help, begun again: 1800 where it is not said. BuildKit says nothing while it uploads.
   */
  patience: z.int().min(10).max(86_400).optional(),
  /** What `bakery ci` writes pipelines with. */
  ci: CiSettings.optional(),
  /** Sign what is published, with cosign. */
  sign: WrittenSigning.optional(),
  /** Scan what is published for known vulnerabilities, before it is promoted. */
  scan: Scanning.optional(),
});

export type WrittenSettings = z.infer<typeof WrittenSettings>;

export type Settings = WrittenSettings & {
  readonly upstreams: NonNullable<WrittenSettings['upstreams']>;
  readonly upstreamLock: string;
};

/** How long docker and registries may keep silent, in milliseconds. */
export function patienceOf({ patience = 1800 }: Pick<WrittenSettings, 'patience'>): number {
  return patience * 1000;
}

/** The reference under which a mirror serves an upstream image; the longest matching entry wins. */
export function mirrored(reference: string, mirrors: Settings['mirrors'] = {}): string {
  const [prefix] = Object.keys(mirrors)
    .filter((candidate) => reference.startsWith(`${candidate}/`))
    .toSorted((a, b) => b.length - a.length);
  return prefix === undefined ? reference : `${mirrors[prefix]}${reference.slice(prefix.length)}`;
}
