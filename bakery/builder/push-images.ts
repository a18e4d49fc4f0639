/** Pushes images into a registry, and repeats pushes that may succeed later. */

import { join } from 'node:path';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { type Builder, type BuildResult, repeated } from './builder.ts';
import { logName } from './buildx.ts';
import type { BuildContext } from './context.ts';
import { bakeCommand, bakeFile, pushedDigests, type RegistryOutput } from './bake-file.rules.ts';
import { reasonOfBuildKit } from '../registry/foreign-text.rules.ts';
import type { Image } from '../plan/plan.rules.ts';
import { readText } from '../catalogue/load.ts';
import { persist } from '../host/retry.ts';
import { retryPolicies, type RetryReason } from '../host/retry-policy.rules.ts';

/** The result of a push; digests by image id, for the images that BuildKit reports. */
export type Pushed = {
  readonly result: BuildResult;
  readonly digests: ReadonlyMap<string, Digest>;
};

/**
 * Pushes images into a registry, all in one call.
 * @param id names this push in the display and in the logs.
 */
export async function pushImages(
  id: string,
  images: readonly Image[],
  output: RegistryOutput,
  { builder, inputs, logs, force, signal }: BuildContext,
): Promise<Pushed> {
  const metadata = join(logs, `${logName(id)}.json`);
  const command = bakeCommand(inputs, metadata);
  const input = JSON.stringify(bakeFile(images, output, inputs, force));
  const result = await pushing(builder, signal).build({ id, command, input, contexts: images });
  const digests = result.ok ? pushedDigests(await readText(metadata), images) : new Map();
  return { result, digests };
}

/**
 * Repeats builds that push until the result is final. BuildKit gives up on a registry after seven seconds, and repeats a
 * rate-limited request at once; another attempt costs little, because blobs that were pushed are not pushed again. A push
 * without progress is repeated as well: containerd's pusher waits for ever if a token expires during an upload and the next
 * one is delayed.
 */
export function pushing(builder: Builder, signal: AbortSignal): Builder {
  return repeated(builder, (attempt) => untilPushed(attempt, signal));
}

function untilPushed(again: () => Promise<BuildResult>, signal: AbortSignal): Promise<BuildResult> {
  return persist(again, { policy: retryPolicies.push, ofResult: reasonOfPush, signal });
}

function reasonOfPush({ error = '', stuck }: BuildResult): RetryReason | undefined {
  return stuck ? 'stuck' : reasonOfBuildKit(error);
}
