/** The verb `layer`: builds layers into a registry. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { allLayers } from '../catalogue/checkout.ts';
import { partOf } from '../composer/layer-names.rules.ts';
import { pickPlatforms } from '../plan/matrix.rules.ts';
import type { Layer } from '../plan/plan.rules.ts';
import { openBuildContext } from '../builder/context.ts';
import { openDisplay } from '../host/display.ts';
import {
  findLayers,
  type ProvidedLayer,
  provideLayers,
  reusedLayer,
} from '../publisher/registry-layers.ts';
import { duration, paint, table } from '../host/format.ts';
import { describeFaults } from './faults.ts';
import { type CommonFlags, print, printJson, registryOf } from './flags.ts';
import type { VerbFlags } from './verb-flags.rules.ts';
import { type Machine, openMachine } from './machine.ts';

/** Default number of builds at a time: layers wait for the network more than they compute. */
const builds = 8;

/** It needs a builder instance, and no engine. */
export async function runLayer(
  flags: CommonFlags & VerbFlags<'layer'> & { ids: string[] },
): Promise<number> {
  const started = performance.now();
  const where = registryOf(flags.registry);
  const machine = await openMachine(flags);
  const layers = choose(
    allLayers(machine.checkout),
    flags.ids,
    pickPlatforms(flags.platform ?? []),
  );
  const provided = await provide(layers, where, machine, flags);
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

/** Builds the layers that the registry lacks, or with --force all. */
async function provide(
  layers: readonly Layer[],
  where: string,
  { checkout, registry }: Machine,
  flags: CommonFlags & VerbFlags<'layer'>,
): Promise<readonly ProvidedLayer[]> {
  const now = new Date();
  const force = flags.force === true;
  const display = openDisplay(flags.quiet === true ? 'none' : 'auto');
  try {
    const found = await findLayers(layers, where, registry, force);
    const built = await provideLayers(
      found.filter(({ manifest }) => manifest === undefined),
      { to: 'registry', registry: where, created: now.toISOString() },
      registry,
      openBuildContext(checkout, {
        builds: flags.jobs ?? checkout.settings.jobs ?? builds,
        force,
        display,
        signal: flags.signal,
        now,
      }),
    );
    const byId = new Map(built.map((one) => [one.layer.id, one]));
    return found.flatMap(
      ({ manifest, ...one }) =>
        byId.get(one.layer.id) ?? (manifest === undefined ? [] : reusedLayer({ ...one, manifest })),
    );
  } finally {
    display.close();
  }
}

/**
 * The layers that these words name, each once: `agent/claude linux/arm64` names one, `agent/claude` one for each platform.
 * @throws UserError E_UNKNOWN for a word that names no layer.
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
        : `unknown layer ${JSON.stringify(id)}`,
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
