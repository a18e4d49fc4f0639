/** Exports images into the engine, and repeats exports that lost a race for a snapshot. */

import { persist } from '../host/retry.ts';
import { retryPolicies, type RetryReason } from '../host/retry-policy.rules.ts';
import type { Image } from '../plan/plan.rules.ts';
import { snapshotReasonOfBuildKit } from '../registry/foreign-text.rules.ts';
import { bakeCommand, bakeFile, type EngineOutput } from './bake-file.rules.ts';
import { type BuildResult, repeated } from './builder.ts';
import type { BuildContext } from './context.ts';

/** Exports all images in one call, so that BuildKit sees every layer that they share. */
export function exportImages(
  images: readonly Image[],
  output: EngineOutput,
  { builder, inputs, force, signal }: BuildContext,
): Promise<BuildResult> {
  return repeated(builder, (attempt) => untilExported(attempt, signal)).build({
    id: `${images.length} ${images.length === 1 ? 'image' : 'images'}`,
    command: bakeCommand(inputs),
    input: JSON.stringify(bakeFile(images, output, inputs, force)),
    contexts: images,
  });
}

function untilExported(
  attempt: () => Promise<BuildResult>,
  signal: AbortSignal,
): Promise<BuildResult> {
  return persist(attempt, { policy: retryPolicies.export, ofResult: reasonOfExport, signal });
}

function reasonOfExport({ error = '' }: BuildResult): RetryReason | undefined {
  return snapshotReasonOfBuildKit(error);
}
