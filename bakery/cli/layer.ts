import { UserError } from '@ai-bakery/kernel/error.ts';
import { allLayers, buildInputs, openCheckout } from '../catalogue/checkout.ts';
import { partOf } from '../composer/layer-names.rules.ts';
import { pickPlatforms } from '../plan/matrix.rules.ts';
import type { Layer } from '../plan/plan.rules.ts';
import { patienceOf } from '../catalogue/settings.rules.ts';
import { openDisplay } from '../host/display.ts';
import { logsOf } from '../catalogue/logs.ts';
import { type ProvidedLayer, provideLayers } from '../publisher/layers.ts';
import { openRegistry } from '../registry/registry.ts';
import { duration, paint, table } from '../host/format.ts';
import { describeFaults } from './faults.ts';
import { type CommonFlags, print, printJson, registryOf } from './flags.ts';

export type LayerFlags = {
  readonly registry: string;
  readonly platform?: string[];
  readonly force?: boolean;
  readonly jobs?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
};

/** Layers wait for the network more than they compute. */
const builds = 8;

/** Leaves layers in a registry. It needs a builder, and no engine. */
export async function runLayer(
  flags: CommonFlags & LayerFlags & { ids: string[] },
): Promise<number> {
  const started = performance.now();
  const where = registryOf(flags.registry);
  const checkout = await openCheckout(flags.root);
  const layers = choose(allLayers(checkout), flags.ids, pickPlatforms(flags.platform ?? []));
  const now = new Date();
  const patience = patienceOf(checkout.settings);
  const display = openDisplay(flags.quiet === true ? 'none' : 'auto');
  let provided: readonly ProvidedLayer[];
  try {
    provided = await provideLayers(
      layers,
      { to: 'registry', registry: where, created: now.toISOString() },
      openRegistry(flags.signal, patience),
      {
        root: checkout.root,
        inputs: buildInputs(checkout),
        display,
        signal: flags.signal,
        logs: logsOf(checkout, now),
        builds: flags.jobs ?? checkout.settings.jobs ?? builds,
        force: flags.force === true,
        patience,
      },
    );
  } finally {
    display.close();
  }
  const ok = provided.every(({ outcome }) => outcome !== 'failed');
  const milliseconds = performance.now() - started;
  if (flags.json === true) {
    const rows = provided.map(
      ({ layer: { id, key }, reference, outcome, manifest, result, why }) => ({
        id,
        key,
        reference,
        outcome,
        ...(manifest === undefined ? {} : { digest: manifest.digest }),
        ...(result === undefined
          ? {}
          : { executed: result.executed, milliseconds: result.milliseconds, log: result.log }),
        ...(why === undefined ? {} : { why }),
      }),
    );
    printJson({ registry: where, layers: rows, milliseconds, ok });
  } else print(describe(provided, milliseconds));
  return ok ? 0 : 1;
}

/**
 * The layers that these words name, each once: `agent/claude linux/arm64` is one of them, `agent/claude` those for all chosen platforms.
 * @throws UserError E_UNKNOWN for a word that names none.
 */
function choose(
  layers: readonly Layer[],
  ids: readonly string[],
  platforms: readonly string[],
): readonly Layer[] {
  const chosen = ids.flatMap((id) => {
    const named = layers.filter(
      (layer) => layer.id === id || (partOf(layer) === id && platforms.includes(layer.platform)),
    );
    if (named.length > 0) return named;
    const isPart = layers.some((layer) => partOf(layer) === id);
    throw new UserError(
      'E_UNKNOWN',
      isPart
        ? `${id} has no layer for ${platforms.join(', ')}`
        : `there is no layer ${JSON.stringify(id)}`,
      { hint: '`bakery plan` shows all, like "agent/claude linux/arm64" or runtime/go' },
    );
  });
  return [...new Set(chosen)];
}

function describe(all: readonly ProvidedLayer[], milliseconds: number): string {
  const rows = all.map(({ layer, reference, outcome, result, why }) => [
    layer.id,
    paint(outcome === 'failed' ? 'red' : 'green', outcome),
    result === undefined ? '' : duration(result.milliseconds),
    why ?? reference,
  ]);
  const failed = all.filter(({ outcome }) => outcome === 'failed').length;
  const results = all.flatMap(({ result }) => result ?? []);
  return [
    table(['LAYER', 'OUTCOME', 'TIME', 'REFERENCE'], rows),
    ...describeFaults(results, []),
    `${all.length - failed} there, ${failed} failed, in ${duration(milliseconds)}`,
  ].join('\n');
}
