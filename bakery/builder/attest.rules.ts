/** Decides which attestations an image gets: provenance and SBOM. */

import type { z } from 'zod';
import { UserError } from '@ai-bakery/kernel/error.ts';
import {
  mirrored,
  ProvenanceMode,
  SbomGenerator,
  type Settings,
} from '../catalogue/settings.rules.ts';

/** The attestations of an image: its provenance, and the list of its software. */
export type Attest = {
  readonly provenance: z.infer<typeof ProvenanceMode>;
  /** The generator's reference, at the mirror if there is one; undefined for no SBOM. */
  readonly sbom: string | undefined;
};

export const nothingAttested: Attest = { provenance: 'off', sbom: undefined };

export function isAttested({ provenance, sbom }: Attest): boolean {
  return provenance !== 'off' || sbom !== undefined;
}

/**
 * Flags override settings. Default: no SBOM, because its generator reads every file of every image.
 * @throws UserError E_USAGE for an invalid flag, E_SETTING if the provenance would publish a proxy's password.
 */
export function attestOf(
  flags: { readonly provenance?: string; readonly sbom?: string },
  { attest, mirrors, proxy = {} }: Pick<Settings, 'attest' | 'mirrors' | 'proxy'>,
): Attest {
  const { provenance: mode, sbom: generator } = flags;
  const provenance =
    mode === undefined
      ? attest?.provenance
      : parseFlag(
          ProvenanceMode,
          mode,
          `--provenance: unknown mode ${JSON.stringify(mode)}`,
          'expected min, max or off',
        );
  const sbom =
    generator === undefined || generator === 'off'
      ? (generator ?? attest?.sbom)
      : parseFlag(
          SbomGenerator,
          generator,
          `--sbom: ${JSON.stringify(generator)} is not an image with a digest`,
          'write registry/repository@sha256:…, as docker buildx imagetools inspect prints it, or off',
        );
  const leaking = provenance === 'max' ? proxyWithCredentials(proxy) : undefined;
  if (leaking !== undefined) {
    throw new UserError(
      'E_SETTING',
      `provenance max would publish the user and password in ${leaking}`,
      {
        hint: 'use --provenance min, which has no values of build arguments, or a proxy without a password',
      },
    );
  }
  return {
    provenance: provenance ?? 'off',
    sbom: sbom === undefined || sbom === 'off' ? undefined : mirrored(sbom, mirrors),
  };
}

/** The `attest` list of a bake target. docs.docker.com/build/bake/reference/#targetattest */
export function attestations({ provenance, sbom }: Attest): string[] {
  return [
    // Disabled explicitly, because BuildKit attaches it by default.
    provenance === 'off' ? 'type=provenance,disabled=true' : `type=provenance,mode=${provenance}`,
    ...(sbom === undefined ? [] : [`type=sbom,generator=${sbom}`]),
  ];
}

/** @throws UserError E_USAGE with the fault and the expected values. */
function parseFlag<T>(schema: z.ZodType<T>, value: string, wrong: string, hint: string): T {
  const { data } = schema.safeParse(value);
  if (data === undefined) throw new UserError('E_USAGE', wrong, { hint });
  return data;
}

/** The name of the proxy setting with a user or a password. */
function proxyWithCredentials({ http, https }: NonNullable<Settings['proxy']>): string | undefined {
  const named = Object.entries({ http, https }).find(([, url]) => {
    const { username, password } = new URL(url ?? 'http://none');
    return username !== '' || password !== '';
  });
  return named === undefined ? undefined : `proxy.${named[0]}`;
}
