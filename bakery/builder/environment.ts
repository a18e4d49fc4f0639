/** Opens what builds and tests of a run share: engine, builder instance, memory and limits. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Instance, inspectInstance, isEngine } from './instance.ts';
import type { Checkout } from '../catalogue/checkout.ts';
import { patienceOf } from '../catalogue/settings.rules.ts';
import type { Display } from '../host/display.ts';
import { type Engine, openEngine } from '../engine/engine.ts';
import { type BuildContext, openBuildContext } from './context.ts';
import { type Memory, openMemory } from '../tester/memory.ts';

export type EnvironmentOptions = {
  /** Build and test images that are up to date too, without cache. */
  readonly force: boolean;
  /** Layers that are built, and images that are tested, at a time. */
  readonly jobs: number | undefined;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Start of the run, which names the folder of its logs. */
  readonly now: Date;
};

/** The engine, the builder instance and the limits that builds and tests of a run share. */
export type Environment = {
  readonly checkout: Checkout;
  readonly engine: Engine;
  readonly instance: Instance;
  readonly memory: Memory;
  readonly force: boolean;
  /** Opens the means of builds; called by the first build, because it reads files that the settings name. */
  readonly context: () => BuildContext;
  /** Images that are tested at a time. */
  readonly tests: number;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Milliseconds for which docker may show no progress. */
  readonly patience: number;
};

/** The engine, which tests images, and the builder instance, which builds them. */
export type EngineAndInstance = { readonly engine: Engine; readonly instance: Instance };

/** Asks both at once; if both fail, the engine's error is thrown, unless docker's client is missing. */
export async function openEngineAndInstance(signal: AbortSignal): Promise<EngineAndInstance> {
  const [engine, instance] = await Promise.allSettled([openEngine(), inspectInstance(signal)]);
  // Without docker's client nothing can be built, whatever the engine answers.
  if (instance.status === 'rejected' && isMissingProgram(instance.reason)) throw instance.reason;
  if (engine.status === 'rejected') throw engine.reason;
  if (instance.status === 'rejected') throw instance.reason;
  return { engine: engine.value, instance: instance.value };
}

function isMissingProgram(reason: unknown): boolean {
  return reason instanceof UserError && reason.code === 'E_NO_PROGRAM';
}

/** @throws UserError E_NO_CONTAINERD_STORE for an engine that cannot hold images for several platforms. */
export function openEnvironment(
  checkout: Checkout,
  { engine, instance }: EngineAndInstance,
  options: EnvironmentOptions,
): Environment {
  if (!engine.containerdStore) {
    throw new UserError(
      'E_NO_CONTAINERD_STORE',
      `engine ${engine.version} does not use the containerd image store`,
      {
        hint: 'set {"features":{"containerd-snapshotter":true}} in its daemon.json; images for several platforms need it',
      },
    );
  }
  const { force, display, signal, now } = options;
  const jobs = options.jobs ?? checkout.settings.jobs;
  // A layer waits for the network more than it computes; a test computes.
  const builds = jobs ?? Math.max(8, 2 * engine.cpus);
  return {
    checkout,
    engine,
    instance,
    memory: openMemory(checkout.own, engine.id, isEngine(instance) ? '' : instance.name),
    force,
    context: () => openBuildContext(checkout, { builds, force, display, signal, now }),
    tests: jobs ?? Math.max(2, engine.cpus),
    display,
    signal,
    patience: patienceOf(checkout.settings),
  };
}
