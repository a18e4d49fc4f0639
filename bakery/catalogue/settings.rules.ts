/** The settings of bakery.yaml and bakery.local.yaml. */

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
 * An image that lists the content of another one (BuildKit's docs/attestations/sbom-protocol.md). It reads every file and its
 * list is published unchecked, so it is pinned by digest.
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

/** `min` names an image's sources, `max` its steps and the values of build arguments too. */
export const ProvenanceMode = z.enum(['min', 'max', 'off']);

/** The content of `bakery.yaml` and `bakery.local.yaml`; the keys of the second replace those of the first. */
export const WrittenSettings = z.strictObject({
  /** Upstream images that agent layers are made in. `{python}` in the last is replaced by the interpreter an agent names. */
  upstreams: z
    .strictObject({
      node: UpstreamReference,
      uv: UpstreamReference,
      python: z.string().includes('{python}'),
    })
    .optional(),
  /** The file with the digests of the upstream images, relative to the checkout. */
  upstreamLock: Path.optional(),
  /** Upstream registry, or registry/path, to its mirror, e.g. `docker.io: mirror.example.com/docker.io`. */
  mirrors: z.record(HostPrefix, HostPrefix).optional(),
  /** PEM file with the CAs that build steps trust. */
  ca: Path.optional(),
  /** npm's and uv's configuration for build steps: other registries and their tokens. Never in an image. */
  npmrc: Path.optional(),
  uv: Path.optional(),
  /** The proxies of build steps and of requests to registries. Requests default to HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
  proxy: z
    .strictObject({
      http: z.url().optional(),
      https: z.url().optional(),
      no: z.string().optional(),
    })
    .optional(),
  /** URL of the repository of these definitions; images and their indexes name it. */
  source: z.url({ protocol: /^https?$/ }).optional(),
  /** Attestations of published images. */
  attest: z
    .strictObject({
      /** The record of the build. */
      provenance: ProvenanceMode.optional(),
      /** The list of the image's content, made by this generator. */
      sbom: z.union([z.literal('off'), SbomGenerator]).optional(),
    })
    .optional(),
  /** The number of layers that are built, and images that are tested, at a time. */
  jobs: z.int().min(1).max(64).optional(),
  /**
   * Seconds that a build or a push may print nothing, and that a pull may take, before it is ended and, if that can help,
   * started again; default: 1800. BuildKit prints nothing while it uploads.
   */
  patience: z.int().min(10).max(86_400).optional(),
  /** Settings of the pipelines that `bakery ci` writes. */
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

/** Returns the milliseconds that docker and registries may be silent. */
export function patienceOf({ patience = 1800 }: Pick<WrittenSettings, 'patience'>): number {
  return patience * 1000;
}

/** Returns the reference of an upstream image on its mirror; the longest matching entry wins. */
export function mirrored(reference: string, mirrors: Settings['mirrors'] = {}): string {
  const [prefix] = Object.keys(mirrors)
    .filter((candidate) => reference.startsWith(`${candidate}/`))
    .toSorted((a, b) => b.length - a.length);
  return prefix === undefined ? reference : `${mirrors[prefix]}${reference.slice(prefix.length)}`;
}
