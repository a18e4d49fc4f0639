import pLimit from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { build, type BuildContext, type BuildResult } from '../builder/buildx.ts';
import { layerPushCommand, type RegistryOutput } from '../builder/bake-file.rules.ts';
import { layerReference, linkedText } from '../composer/layer-names.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { keyLabel, type Layer } from '../plan/plan.rules.ts';
import { untilPushed } from '../builder/push.ts';
import type { Registry } from '../registry/registry.ts';
import { readBack } from './promote.ts';

const requests = 16;

/** A layer in a registry, or why it is not there. */
export type ProvidedLayer = {
  readonly layer: Layer;
  /** `registry.example.com/ai/ai-layers:layer-0123456789ab-arm64` */
  readonly reference: string;
  readonly outcome: 'from the registry' | 'built' | 'failed';
  /** What the registry has now; absent where that failed. */
  readonly manifest?: Manifest;
  /** The build; absent where there was none. */
  readonly result?: BuildResult;
  /** What went wrong. */
  readonly why?: string;
};

/** Those layers that would be built, and where they would be left. */
export async function missingLayers(
  layers: readonly Layer[],
  where: string,
  registry: Registry,
  force: boolean,
): Promise<readonly { readonly layer: Layer; readonly reference: string }[]> {
  const limit = pLimit(requests);
  const found = await Promise.all(
    layers.map((layer) => limit(() => (force ? undefined : findLayer(registry, where, layer)))),
  );
  return layers.flatMap((layer, at) =>
    found[at] === undefined ? [{ layer, reference: layerReference(where, layer) }] : [],
  );
}

/**
 * Sees to it that the registry has these layers: builds those that it does not have, on whatever machine, and leaves them there. A
 * layer that fails takes no other one with it. Where `force` is asked for, those that it has are built as well.
 */
export async function provideLayers(
  layers: readonly Layer[],
  output: RegistryOutput,
  registry: Registry,
  context: BuildContext,
): Promise<readonly ProvidedLayer[]> {
  const { force } = context;
  const limit = pLimit(context.builds);

  const provide = async (layer: Layer): Promise<ProvidedLayer> => {
    const reference = layerReference(output.registry, layer);
    const known = force ? undefined : await findLayer(registry, output.registry, layer);
    if (known !== undefined)
      return { layer, reference, outcome: 'from the registry', manifest: known };
    const command = layerPushCommand(layer, context.inputs, output, force);
    const text = linkedText(layer);
    const result = await untilPushed(() => build(layer.id, command, text, context), context.signal);
    if (!result.ok) {
      const [why = 'the build failed'] = (result.error ?? '').split('\n');
      return { layer, reference, outcome: 'failed', result, why };
    }
    const isIt = ({ annotations }: Manifest): boolean => annotations[keyLabel] === layer.key;
    const manifest = await readBack(registry, reference, isIt, context.signal);
    return { layer, reference, outcome: 'built', result, manifest };
  };

  const guarded = async (layer: Layer): Promise<ProvidedLayer> => {
    try {
      return await limit(() => provide(layer));
    } catch (error) {
      if (!(error instanceof UserError) || context.signal.aborted) throw error;
      const reference = layerReference(output.registry, layer);
      return { layer, reference, outcome: 'failed', why: error.message };
    }
  };
  // All have ended before anything is said of any.
  const outcomes = await Promise.allSettled(layers.map(guarded));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** What the registry has of a layer: of this very key, as a tag holds the first digits of it only. */
async function findLayer(
  registry: Registry,
  where: string,
  layer: Layer,
): Promise<Manifest | undefined> {
  const found = await registry.readManifest(layerReference(where, layer));
  return found?.annotations[keyLabel] === layer.key ? found : undefined;
}
