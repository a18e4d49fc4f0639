import * as z from 'zod/mini';
import { type Contract, contractLabel, parseContract } from './core/contract.ts';
import { engineError, platformError, pullError } from './core/engine-error.ts';
import { UserError } from './core/error.ts';
import type { Platform } from './core/platform.ts';
import type { Pull } from './core/settings.ts';
import { capture, showProgress } from './exec.ts';

/** Of `docker image inspect`, what a session needs. */
const Inspected = z.object({
  Id: z.string(),
  Os: z.optional(z.string()),
  Architecture: z.optional(z.string()),
  Config: z.nullish(z.object({ Labels: z.nullish(z.record(z.string(), z.string())) })),
});
type Inspected = z.infer<typeof Inspected>;

/** An image of the engine, fixed: whatever its tag becomes, this is what runs. */
export type Image = {
  /**
   * What `docker run` gets: the engine's `sha256:…`. With the containerd image store that is the digest in the registry. It
   * works as well when the tag has moved meanwhile, which `repository@sha256:…` does not: the repository is then forgotten.
   */
  readonly reference: string;
  readonly contract: Contract;
  /** The name it was found by, for people. */
  readonly name: string;
};

export type Wanted = {
  /** `ai-claude:go`, `registry.example.com/ai/ai-claude:go`. */
  readonly reference: string;
  readonly source: 'local' | 'registry';
  readonly pull: Pull;
  readonly platform: Platform;
};

const inspect = (image: string, flags: readonly string[]) =>
  capture({ file: 'docker', args: ['image', 'inspect', '--format={{json .}}', ...flags, image] });

const read = (stdout: string): Inspected => Inspected.parse(JSON.parse(stdout));

const isFor = ({ Os, Architecture }: Inspected, platform: Platform): boolean =>
  `${Os}/${Architecture}` === platform;

type Look =
  | { readonly state: 'here'; readonly image: Inspected }
  | { readonly state: 'absent' | 'other platform' };

/** What the engine has. It speaks of one platform of an image, its own where it can: the others need a second question. */
const look = async ({ reference, platform }: Wanted): Promise<Look> => {
  const first = await inspect(reference, []);
  if (first.code !== 0) {
    if (/no such (image|object)/i.test(first.stderr)) return { state: 'absent' };
    throw engineError(first.stderr);
  }
  const image = read(first.stdout);
  if (isFor(image, platform)) return { state: 'here', image };
  // By identity: the name may mean another image by now. The answer bears the identity of one platform, which cannot be run.
  const second = await inspect(image.Id, [`--platform=${platform}`]);
  // An engine that is too old for this question has one platform of each image.
  if (second.code !== 0) return { state: 'other platform' };
  return { state: 'here', image: { ...read(second.stdout), Id: image.Id } };
};

const pull = async ({ reference, platform }: Wanted): Promise<UserError | undefined> => {
  const { code, stderr } = await showProgress({
    file: 'docker',
    args: ['pull', `--platform=${platform}`, reference],
  });
  return code === 0 ? undefined : pullError(stderr, reference, platform);
};

/** What to do about an image that is not here and may not be pulled. */
const missing = ({ reference, source, platform }: Wanted, state: Look['state']): UserError => {
  const hint = source === 'registry' ? 'leave out --pull never' : undefined;
  return state === 'absent'
    ? new UserError('E_NO_IMAGE', `there is no image ${reference} here`, {
        hint: hint ?? 'bake it with `bakery build`, or pull one with AI_IMAGE_SOURCE=registry',
      })
    : new UserError('E_NO_PLATFORM', `${reference} is here, but not for ${platform}`, {
        hint: hint ?? `bake it with \`bakery build --platform ${platform}\``,
      });
};

/**
 * Finds the image to run, pulls it where that is wanted, and fixes it by digest. One question to the engine where the image is
 * there for its own platform. Pulling shows docker's progress on standard error.
 * @throws UserError E_NO_IMAGE, E_NO_PLATFORM, E_REGISTRY, E_NO_ENGINE where it cannot be had; E_NO_CONTRACT, E_CONTRACT
 *   where it may not run.
 */
export const findImage = async (wanted: Wanted): Promise<Image> => {
  const { reference, platform } = wanted;
  const when = wanted.source === 'local' ? 'never' : wanted.pull;
  let failure = when === 'always' ? await pull(wanted) : undefined;
  if (failure?.code === 'E_NO_ENGINE') throw failure;
  let found = await look(wanted);
  if (failure !== undefined && found.state === 'here') {
    throw new UserError(failure.code, failure.message, {
      hint: '--pull missing runs the image that is here',
    });
  }
  if (found.state !== 'here' && when === 'missing') {
    failure = await pull(wanted);
    found = await look(wanted);
  }
  if (found.state !== 'here') {
    if (failure !== undefined) throw failure;
    // Docker pulls an image of one platform whatever platform it is asked for.
    throw when === 'never' ? missing(wanted, found.state) : platformError(reference, platform);
  }
  return {
    reference: found.image.Id,
    contract: parseContract(found.image.Config?.Labels?.[contractLabel], reference),
    name: reference,
  };
};
