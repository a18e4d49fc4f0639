import { z } from 'zod';
import { UserError } from '../ai-run/core/error.ts';
import { redacted } from '../ai-run/core/text.ts';
import { run } from './exec.ts';

/** The only file that speaks to registries: through buildx, so that docker's credential helpers and contexts apply. */

const Manifest = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  manifests: z
    .array(
      z.object({ platform: z.object({ os: z.string(), architecture: z.string() }).optional() }),
    )
    .optional(),
});

/**
 * The digest a registry has for a tag, and the platforms of the index it names (none for a single manifest).
 * @throws UserError E_REGISTRY with the reference and the registry's answer.
 */
export const resolveTag = async (
  reference: string,
  signal?: AbortSignal,
): Promise<{ readonly digest: string; readonly platforms: readonly string[] }> => {
  const { exitCode, stdout, stderr } = await run(
    {
      file: 'docker',
      args: ['buildx', 'imagetools', 'inspect', reference, '--format', '{{json .Manifest}}'],
    },
    { timeout: 60_000, ...(signal === undefined ? {} : { signal }) },
  );
  if (exitCode !== 0) {
    const answer = redacted(stderr).trim().split('\n').at(-1) ?? '';
    throw new UserError(
      'E_REGISTRY',
      `${reference}: ${answer === '' ? 'no answer in 60 s' : answer}`,
      {
        hint: 'check the address and `docker login`, or name a mirror in bakery.local.yaml',
      },
    );
  }
  const { digest, manifests } = Manifest.parse(JSON.parse(stdout));
  return {
    digest,
    platforms: (manifests ?? []).flatMap(({ platform }) =>
      platform === undefined ? [] : [`${platform.os}/${platform.architecture}`],
    ),
  };
};
