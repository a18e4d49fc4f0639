/** Builds layers into the builder's cache. */

import type { Memory } from '../tester/memory.ts';
import type { Layer } from '../plan/plan.rules.ts';
import { layerCommand } from './bake-file.rules.ts';
import { type BuildResult, limited } from './builder.ts';
import type { BuildContext } from './context.ts';

/** A layer and its build. */
type BuiltLayer = { readonly layer: Layer; readonly result: BuildResult };

/** The builds of layers. */
type BuiltLayers = {
  readonly results: readonly BuildResult[];
  readonly failed: readonly Layer[];
};

/**
 * Builds the layers that this builder has not built before, or with `force` all. Each has a build of its own, so that a layer
 * that fails takes no other one with it.
 * @param memory records the layers that the builder has.
 */
export async function buildLayers(
  layers: readonly Layer[],
  memory: Memory,
  context: BuildContext,
): Promise<BuiltLayers> {
  const { inputs, force } = context;
  const builder = limited(context.builder, context.builds);
  const build = async (layer: Layer): Promise<BuiltLayer> => {
    const command = layerCommand(layer, inputs, force);
    const result = await builder.build({
      id: layer.id,
      command,
      input: layer.dockerfile,
      context: layer,
    });
    return { layer, result };
  };
  const missing = force ? layers : await notBuilt(layers, memory);
  const built = await Promise.all(missing.map(build));
  for (const { layer, result } of built) if (result.ok) await memory.built(layer.key);
  return {
    results: built.map(({ result }) => result),
    failed: built.flatMap(({ layer, result }) => (result.ok ? [] : [layer])),
  };
}

async function notBuilt(layers: readonly Layer[], memory: Memory): Promise<Layer[]> {
  const missing = await Promise.all(
    layers.map(async (layer) => ((await memory.wasBuilt(layer.key)) ? [] : [layer])),
  );
  return missing.flat();
}
