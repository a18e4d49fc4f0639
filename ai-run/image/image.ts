import type { Contract } from '@ai-bakery/kernel/contract.ts';
import type { Endpoint } from '@ai-bakery/kernel/endpoint.ts';
import { engineError, platformError, pullError } from '../engine/engine-error.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { identityOf, type Inspected, parseInspected } from '@ai-bakery/kernel/image.ts';
import type { Platform } from '@ai-bakery/kernel/platform.ts';
import type { Pull } from '../settings/settings.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import type { Variables } from '@ai-bakery/kernel/variable.ts';
import type { Verify } from '@ai-bakery/kernel/trust.ts';
import { keepContract, recallContract } from './kept-contract.ts';
import { findEndpoint } from '../engine/endpoint.ts';
import { askSocket } from '../engine/socket.ts';
import { capture, showProgress } from '../host/exec.ts';

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
  readonly env: Variables;
  readonly userHome: string;
  /** Nothing is pulled before it is fulfilled: the user may yet be asked whether there is to be a session at all. */
  readonly agreed: Promise<void>;
  /** Who must have signed what comes from a registry. */
  readonly verify?: Verify;
};

type Look =
  | { readonly state: 'here'; readonly image: Inspected }
  | { readonly state: 'absent' | 'other platform' };

/**
 * Finds the image to run, pulls it where that is wanted, fixes it by digest, and has its signature verified where that is
 * asked for.
 * @throws UserError E_NO_IMAGE, E_NO_PLATFORM, E_REGISTRY, E_NO_ENGINE where it cannot be had; E_NO_CONTRACT, E_CONTRACT
 *   and those of `verifyImage` where it may not run.
 */
export async function findImage(wanted: Wanted): Promise<Image> {
  const image = await find(wanted);
  const { verify, source } = wanted;
  if (verify !== undefined && source === 'registry')
    await (
      await import('./signature.ts')
    ).verifyImage(verify, { ...wanted, ...image, id: image.reference });
  return image;
}

async function find(wanted: Wanted): Promise<Image> {
  const endpoint = findEndpoint(wanted.env);
  const known = await recall(wanted, endpoint);
  if (known !== undefined) return known;
  const { reference, platform, userHome } = wanted;
  const { id, contract: label, volumes } = await inquire(wanted);
  if (volumes.length > 0) {
    throw new UserError(
      'E_CONTRACT',
      `${reference} declares volumes, which no policy makes read-only: ${printable(volumes.join(', '))}`,
      { hint: 'take an image without VOLUME, as bakery makes them' },
    );
  }
  const contract = (await import('@ai-bakery/kernel/contract.ts')).parseContract(label, reference);
  keepContract(userHome, { id, platform, engine: endpoint?.host }, contract);
  return { reference: id, contract, name: reference };
}

/** The image by its digest, if it was found fit before. */
async function recall(wanted: Wanted, endpoint: Endpoint | undefined): Promise<Image | undefined> {
  const { reference, platform, userHome } = wanted;
  if (wanted.source === 'registry' && wanted.pull === 'always') return undefined;
  // The cheapest question that names an image's identity: to inspect one, the engine adds up its size.
  const id = identityOf(await askSocket(endpoint, `/images/${reference}/history`));
  if (id === undefined) return undefined;
  const contract = recallContract(userHome, { id, platform, engine: endpoint?.host });
  return contract === undefined ? undefined : { reference: id, contract, name: reference };
}

/** Pulls where that is wanted, showing docker's progress on standard error, and asks what the engine has then. */
async function inquire(wanted: Wanted): Promise<Inspected> {
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
  return found.image;
}

function inspect(image: string, flags: readonly string[]) {
  return capture({
    file: 'docker',
    args: ['image', 'inspect', '--format={{json .}}', ...flags, image],
  });
}

async function pull({ reference, platform, agreed }: Wanted): Promise<UserError | undefined> {
  await agreed;
  const { code, stderr } = await showProgress({
    file: 'docker',
    args: ['pull', `--platform=${platform}`, reference],
  });
  return code === 0 ? undefined : pullError(stderr, reference, platform);
}

/** What the engine has. It speaks of one platform of an image, its own where it can: the others need a second question. */
async function look({ reference, platform }: Wanted): Promise<Look> {
  const first = await inspect(reference, []);
  if (first.code !== 0) {
    if (/no such (image|object)/i.test(first.stderr)) return { state: 'absent' };
    throw engineError(first.stderr);
  }
  const image = parse(first.stdout);
  if (image.platform === platform) return { state: 'here', image };
  // By identity: the name may mean another image by now. The answer bears the identity of one platform, which cannot be run.
  const second = await inspect(image.id, [`--platform=${platform}`]);
  // An engine that is too old for this question has one platform of each image.
  if (second.code !== 0) return { state: 'other platform' };
  return { state: 'here', image: { ...parse(second.stdout), id: image.id } };
}

/** What to do about an image that is not here and may not be pulled. */
function missing({ reference, source, platform }: Wanted, state: Look['state']): UserError {
  const hint = source === 'registry' ? 'leave out --pull never' : undefined;
  return state === 'absent'
    ? new UserError('E_NO_IMAGE', `there is no image ${reference} here`, {
        hint: hint ?? 'bake it with `bakery build`, or pull one with AI_IMAGE_SOURCE=registry',
      })
    : new UserError('E_NO_PLATFORM', `${reference} is here, but not for ${platform}`, {
        hint: hint ?? `bake it with \`bakery build --platform ${platform}\``,
      });
}

function parse(stdout: string): Inspected {
  const image = parseInspected(parseJson(stdout));
  if (image !== undefined) return image;
  throw new UserError('E_NO_ENGINE', 'the Docker engine answers what is no image', {
    hint: 'look at `docker version`: an engine of the last years is needed',
  });
}
