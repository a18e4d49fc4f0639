/** The image of a session: it is found, pulled if wanted, checked, and fixed by its id. */

import type { Contract } from '@ai-bakery/kernel/contract.ts';
import type { Endpoint } from '@ai-bakery/kernel/endpoint.ts';
import {
  engineError,
  platformError,
  pullError,
  versionHint,
} from '../engine/engine-error.rules.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { parseAnswer } from '@ai-bakery/kernel/json.ts';
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

/** An image of the engine, fixed by its id: a later change of the tag has no effect. */
export type Image = {
  /**
   * The argument of `docker run`: the engine's `sha256:…`. With the containerd image store it is the registry's digest. It
   * stays valid if the tag moves meanwhile, whereas `repository@sha256:…` does not, because the engine drops the repository.
   */
  readonly reference: string;
  readonly contract: Contract;
  /** The name that it was found by, for people. */
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
  /** Fulfilled when a pull may begin: before, the user may still be asked whether to start the session at all. */
  readonly agreed: Promise<void>;
  /** The required signer of a registry's images. */
  readonly verify?: Verify;
};

type Look =
  | { readonly state: 'here'; readonly image: Inspected }
  | { readonly state: 'absent' | 'other platform' };

/**
 * Finds the image to run, pulls it if wanted, fixes it by its id, and verifies its signature if required.
 * @throws UserError E_NO_IMAGE, E_NO_PLATFORM, E_REGISTRY, E_NO_ENGINE, E_ANSWER if it is not available; E_NO_CONTRACT, E_CONTRACT
 *   and those of `verifyImage` if it must not run.
 */
export async function findImage(wanted: Wanted): Promise<Image> {
  const image = await find(wanted);
  const { verify, source } = wanted;
  if (verify !== undefined && source === 'registry') {
    const { verifyImage } = await import('./signature.ts');
    await verifyImage(verify, { ...wanted, ...image, id: image.reference });
  }
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
      `${reference} declares volumes, which a policy cannot make read-only: ${printable(volumes.join(', '))}`,
      { hint: 'use an image without VOLUME, like those that bakery makes' },
    );
  }
  // Startup trick `lazy-import`: the validator brings zod, which most starts do not need.
  const { parseContract } = await import('@ai-bakery/kernel/contract.ts');
  const contract = parseContract(label, reference);
  keepContract(userHome, { id, platform, engine: endpoint?.host }, contract);
  return { reference: id, contract, name: reference };
}

/** Returns the image if its contract was found valid before. */
async function recall(wanted: Wanted, endpoint: Endpoint | undefined): Promise<Image | undefined> {
  const { reference, platform, userHome } = wanted;
  if (wanted.source === 'registry' && wanted.pull === 'always') return undefined;
  // The cheapest request that returns an image's id: to inspect an image, the engine adds up its size.
  const id = identityOf(await askSocket(endpoint, `/images/${reference}/history`));
  if (id === undefined) return undefined;
  const contract = recallContract(userHome, { id, platform, engine: endpoint?.host });
  return contract === undefined ? undefined : { reference: id, contract, name: reference };
}

/** Pulls the image if wanted, with docker's progress on standard error, and inspects it. */
async function inquire(wanted: Wanted): Promise<Inspected> {
  const { reference, platform } = wanted;
  const when = wanted.source === 'local' ? 'never' : wanted.pull;
  let failure = when === 'always' ? await pull(wanted) : undefined;
  if (failure?.code === 'E_NO_ENGINE') throw failure;
  let found = await look(wanted);
  if (failure !== undefined && found.state === 'here') {
    throw new UserError(failure.code, failure.message, {
      hint: '--pull missing runs the existing image',
    });
  }
  if (found.state !== 'here' && when === 'missing') {
    failure = await pull(wanted);
    found = await look(wanted);
  }
  if (found.state !== 'here') {
    if (failure !== undefined) throw failure;
    // If an image exists for one platform only, docker pulls that one for every requested platform.
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

/** Looks up the image in the engine, which reports one platform, preferably its own: others need a second request. */
async function look({ reference, platform }: Wanted): Promise<Look> {
  const first = await inspect(reference, []);
  if (first.code !== 0) {
    if (/no such (image|object)/i.test(first.stderr)) return { state: 'absent' };
    throw engineError(first.stderr);
  }
  const image = parse(first.stdout);
  if (image.platform === platform) return { state: 'here', image };
  // By id, because the name may refer to another image by now. The answer has the id of one platform, which cannot be run.
  const second = await inspect(image.id, [`--platform=${platform}`]);
  // An engine that is too old for this request has one platform of each image.
  if (second.code !== 0) return { state: 'other platform' };
  return { state: 'here', image: { ...parse(second.stdout), id: image.id } };
}

/** The error for an image that is missing and must not be pulled. */
function missing({ reference, source, platform }: Wanted, state: Look['state']): UserError {
  const hint = source === 'registry' ? 'remove --pull never' : undefined;
  return state === 'absent'
    ? new UserError('E_NO_IMAGE', `the engine has no image ${reference}`, {
        hint: hint ?? 'build it with `bakery build`, or pull one with AI_IMAGE_SOURCE=registry',
      })
    : new UserError('E_NO_PLATFORM', `the engine has ${reference}, but not for ${platform}`, {
        hint: hint ?? `build it with \`bakery build --platform ${platform}\``,
      });
}

function parse(stdout: string): Inspected {
  return parseAnswer(stdout, parseInspected, 'docker image inspect', versionHint);
}
