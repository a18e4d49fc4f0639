import type { z } from 'zod';
import { UserError } from '../../ai-run/core/error.ts';
import { mirrored, ProvenanceMode, SbomGenerator, type Settings } from './settings.ts';

/** What the builder attaches to the images of an index: how they were made, and what is in them. */
export type Attest = {
  readonly provenance: z.infer<typeof ProvenanceMode>;
  /** The generator, where builds can reach it; nothing for none. */
  readonly sbom: string | undefined;
};

export const nothingAttested: Attest = { provenance: 'off', sbom: undefined };

const parseFlag = <T>(name: string, value: string, schema: z.ZodType<T>, hint: string): T => {
  const { data, error } = schema.safeParse(value);
  if (data !== undefined) return data;
  const message = error?.issues[0]?.message ?? '';
  throw new UserError('E_USAGE', `--${name}: ${JSON.stringify(value)}: ${message}`, { hint });
};

/** The setting of a proxy that names a user or a password. */
const proxyWithCredentials = ({
  http,
  https,
}: NonNullable<Settings['proxy']>): string | undefined => {
  const named = Object.entries({ http, https }).find(([, url]) => {
    const { username, password } = new URL(url ?? 'http://none');
    return username !== '' || password !== '';
  });
  return named === undefined ? undefined : `proxy.${named[0]}`;
};

/**
 * What publishing attaches: flags, over settings. No SBOM unless it is asked for, because its generator reads every file
 * of every image.
 * @throws UserError E_USAGE for a flag that says something else, E_SETTING where provenance would tell a proxy's password.
 */
export const attestOf = (
  flags: { readonly provenance?: string; readonly sbom?: string },
  { attest, mirrors, proxy = {} }: Pick<Settings, 'attest' | 'mirrors' | 'proxy'>,
): Attest => {
  const provenance =
    flags.provenance === undefined
      ? attest?.provenance
      : parseFlag('provenance', flags.provenance, ProvenanceMode, 'there are: min, max, off');
  const sbom =
    flags.sbom === undefined || flags.sbom === 'off'
      ? (flags.sbom ?? attest?.sbom)
      : parseFlag(
          'sbom',
          flags.sbom,
          SbomGenerator,
          'docker buildx imagetools inspect names the digest',
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
    provenance: provenance ?? 'min',
    sbom: sbom === undefined || sbom === 'off' ? undefined : mirrored(sbom, mirrors),
  };
};

/** As a bake target's `attest` says it. docs.docker.com/build/bake/reference/#targetattest */
export const attestations = ({ provenance, sbom }: Attest): string[] => [
  // Said also where there is none: BuildKit attaches it by default.
  provenance === 'off' ? 'type=provenance,disabled=true' : `type=provenance,mode=${provenance}`,
  ...(sbom === undefined ? [] : [`type=sbom,generator=${sbom}`]),
];
