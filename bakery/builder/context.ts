/** Opens what every build needs: the builder, its inputs, and the limits of the run. */

import { buildInputs, type Checkout } from '../catalogue/checkout.ts';
import { logsOf } from '../catalogue/logs.ts';
import { patienceOf } from '../catalogue/settings.rules.ts';
import type { Display } from '../host/display.ts';
import type { BuildInputs } from './bake-file.rules.ts';
import type { Builder } from './builder.ts';
import { openBuildx } from './buildx.ts';

export type BuildContext = {
  readonly builder: Builder;
  readonly inputs: BuildInputs;
  /** Layers that are built at a time. */
  readonly builds: number;
  /** Build without the cache. */
  readonly force: boolean;
  /** Folder for the full log of every build. */
  readonly logs: string;
  readonly signal: AbortSignal;
};

type ContextOptions = {
  readonly builds: number;
  readonly force: boolean;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Start of the run, which names the folder of its logs. */
  readonly now: Date;
};

/** @throws UserError E_SETTING for a file of the settings that does not exist. */
export function openBuildContext(
  checkout: Checkout,
  { builds, force, display, signal, now }: ContextOptions,
): BuildContext {
  const { root, settings } = checkout;
  const logs = logsOf(checkout, now);
  const builder = openBuildx({ root, display, signal, logs, patience: patienceOf(settings) });
  return { builder, inputs: buildInputs(checkout), builds, force, logs, signal };
}
