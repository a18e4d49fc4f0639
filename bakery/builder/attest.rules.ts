import type { z } from 'zod';
import { UserError } from '@ai-bakery/kernel/error.ts';
import {
  mirrored,
  ProvenanceMode,
  SbomGenerator,
  type Settings,
} from '../catalogue/settings.rules.ts';

/** What the builder attaches to the images of an index: how they were made, and what is in them. */
export type Attest = {
  readonly provenance: z.infer<typeof ProvenanceMode>;
  /** The generator, where builds can reach it; nothing for none. */
  readonly sbom: string | undefined;
};

export const nothingAttested: Attest = { provenance: 'off', sbom: undefined };

export function isAttested({ provenance, sbom }: Attest): boolean {
  return provenance !== 'off' || sbom !== undefined;
}

/**
 * What publishing attaches: flags, over settings. No SBOM unless it is asked for, because its generator reads every file
 * of every image.
 * @throws UserError E_USAGE for a flag that says something else, E_SETTING where provenance would tell a proxy's password.
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
          `--provenance: there is no mode ${JSON.stringify(mode)}`,
          'there are: min, max, off',
        );
  const sbom =
    generator === undefined || generator === 'off'
      ? (generator ?? attest?.sbom)
      : parseFlag(
          SbomGenerator,
          generator,
          `--sbom: ${JSON.stringify(generator)} is no image by its digest`,
          'write registry/repository@sha256:…, which docker buildx imagetools inspect tells, or off',
        );
  const leaking = provenance === 'max' ? proxyWithCredentials(proxy) : undefined;
  if (leaking !== undefined) {
    throw new UserError(
      'E_SETTING',
      `provenance max would publish the user and password in ${leaking}`,
      {
        hint: 'attach min, which has no values of build arguments, or build through a proxy that asks for none',
      },
    );
  }
  return {
    provenance: provenance ?? 'off',
    sbom: sbom === undefined || sbom === 'off' ? undefined : mirrored(sbom, mirrors),
  };
}

/** As a bake target's `attest` says it. docs.docker.com/build/bake/reference/#targetattest */
export function attestations({ provenance, sbom }: Attest): string[] {
  return [
    // Said also where there is none: BuildKit attaches it by default.
    provenance === 'off' ? 'type=provenance,disabled=true' : `type=provenance,mode=${provenance}`,
    ...(sbom === undefined ? [] : [`type=sbom,generator=${sbom}`]),
  ];
}

/** @throws UserError E_USAGE with what is wrong, and what is not. */
function parseFlag<T>(schema: z.ZodType<T>, value: string, wrong: string, hint: string): T {
  const { data } = schema.safeParse(value);
  if (data === undefined) throw new UserError('E_USAGE', wrong, { hint });
  return data;
}

/** The setting of a proxy that names a user or a password. */
function proxyWithCredentials({ http, https }: NonNullable<Settings['proxy']>): string | undefined {
  const named = Object.entries({ http, https }).find(([, url]) => {
    const { username, password } = new URL(url ?? 'http://none');
    return username !== '' || password !== '';
  });
  return named === undefined ? undefined : `proxy.${named[0]}`;
}
