/** Finds layers in a registry, and builds into it those that it lacks. */

import pLimit from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Builder, type BuildResult, limited } from '../builder/builder.ts';
import type { BuildContext } from '../builder/context.ts';
import { layerPushCommand, type RegistryOutput } from '../builder/bake-file.rules.ts';
import { layerReference, linkedText } from '../composer/layer-names.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { keyLabel, type Layer } from '../plan/plan.rules.ts';
import { pushing } from '../builder/push-images.ts';
import type { Registry } from '../registry/registry.ts';
import { readBack } from './read-back.ts';
import type { FoundLayer } from './publication.rules.ts';

const requests = 16;

/** A layer in a registry, or the reason why it is missing. */
export type ProvidedLayer = {
  readonly layer: Layer;
  /** `registry.example.com/ai/ai-layers:layer-0123456789ab-arm64` */
  readonly reference: string;
  readonly outcome: 'from the registry' | 'built' | 'failed';
  /** The layer's manifest; undefined if `outcome` is `failed`. */
  readonly manifest?: Manifest;
  /** The build; undefined if the layer was not built. */
  readonly result?: BuildResult;
  /** Why it failed. */
  readonly why?: string;
};

/** A layer to build, and the tag that it gets. */
export type MissingLayer = { readonly layer: Layer; readonly reference: string };

/** @param force find none, so that all are built. */
export function findLayers(
  layers: readonly Layer[],
  where: string,
  registry: Registry,
  force: boolean,
): Promise<FoundLayer[]> {
  const limit = pLimit(requests);
  const find = async (layer: Layer): Promise<FoundLayer> => {
    const reference = layerReference(where, layer);
    const found = force ? undefined : await registry.readManifest(reference);
    // A tag holds only the first digits of the key.
    const isSame = found?.annotations[keyLabel] === layer.key;
    return { layer, reference, manifest: isSame ? found : undefined };
  };
  return Promise.all(layers.map((layer) => limit(() => find(layer))));
}

/** Builds these layers into a registry. Other layers are built even if one fails. */
export async function provideLayers(
  missing: readonly MissingLayer[],
  output: RegistryOutput,
  registry: Registry,
  context: BuildContext,
): Promise<readonly ProvidedLayer[]> {
  const builder = limited(pushing(context.builder, context.signal), context.builds);
  const guarded = async (one: MissingLayer): Promise<ProvidedLayer> => {
    try {
      return await provide(one, output, registry, builder, context);
    } catch (error) {
      if (!(error instanceof UserError) || context.signal.aborted) throw error;
      return { ...one, outcome: 'failed', why: error.message };
    }
  };
  // All builds end before an error is thrown.
  const outcomes = await Promise.allSettled(missing.map(guarded));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** A found layer as one that needs no build. */
export function reusedLayer({
  layer,
  reference,
  manifest,
}: FoundLayer & { readonly manifest: Manifest }): ProvidedLayer {
  return { layer, reference, outcome: 'from the registry', manifest };
}

async function provide(
  { layer, reference }: MissingLayer,
  output: RegistryOutput,
  registry: Registry,
  builder: Builder,
  context: BuildContext,
): Promise<ProvidedLayer> {
  const command = layerPushCommand(layer, context.inputs, output, context.force);
  const result = await builder.build({
    id: layer.id,
    command,
    input: linkedText(layer),
    context: layer,
  });
  if (!result.ok) {
    const [why = 'the build failed'] = (result.error ?? '').split('\n');
    return { layer, reference, outcome: 'failed', result, why };
  }
  const isIt = ({ annotations }: Manifest): boolean => annotations[keyLabel] === layer.key;
  const manifest = await readBack(registry, reference, isIt, context.signal);
  return { layer, reference, outcome: 'built', result, manifest };
}
