import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Builder, isEngine, openBuilder } from './builder.ts';
import type { Checkout } from '../catalogue/checkout.ts';
import { patienceOf } from '../catalogue/settings.rules.ts';
import type { Display } from '../host/display.ts';
import { type Engine, openEngine } from '../engine/engine.ts';
import { logsOf } from '../catalogue/logs.ts';
import { type Memory, openMemory } from '../tester/memory.ts';

export type KitchenOptions = {
  /** Build what is up to date too, without cache, and test it. */
  readonly force: boolean;
  /** Layers built, and images tested, at a time. */
  readonly jobs: number | undefined;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Names the folder of this run's logs. */
  readonly now: Date;
};

/** What baking and testing both need. */
export type Kitchen = {
  readonly checkout: Checkout;
  readonly engine: Engine;
  readonly builder: Builder;
  readonly memory: Memory;
  readonly force: boolean;
  /** How many layers are built at a time. */
  readonly builds: number;
  /** How many images are tested at a time. */
  readonly tests: number;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Folder for the logs of this run. */
  readonly logs: string;
  /** Milliseconds that docker may show nothing. */
  readonly patience: number;
};

/** What tests images, and what builds them. */
export type Machine = { readonly engine: Engine; readonly builder: Builder };

/** The engine and the builder are asked at once; where neither answers, what the engine says counts. */
export async function openEngineAndBuilder(signal: AbortSignal): Promise<Machine> {
  const [engine, builder] = await Promise.allSettled([openEngine(), openBuilder(signal)]);
  // Without docker's client nothing can be built, whatever the engine answers.
  if (builder.status === 'rejected' && isMissingProgram(builder.reason)) throw builder.reason;
  if (engine.status === 'rejected') throw engine.reason;
  if (builder.status === 'rejected') throw builder.reason;
  return { engine: engine.value, builder: builder.value };
}

function isMissingProgram(reason: unknown): boolean {
  return reason instanceof UserError && reason.code === 'E_NO_PROGRAM';
}

/** @throws UserError E_NO_CONTAINERD_STORE for an engine that cannot hold images for several platforms. */
export function openKitchen(
  checkout: Checkout,
  { engine, builder }: Machine,
  options: KitchenOptions,
): Kitchen {
  if (!engine.containerdStore) {
    throw new UserError(
      'E_NO_CONTAINERD_STORE',
      `engine ${engine.version} does not use the containerd image store`,
      {
        hint: 'set {"features":{"containerd-snapshotter":true}} in its daemon.json; images for several platforms need it',
      },
    );
  }
  const { force, display, signal } = options;
  const jobs = options.jobs ?? checkout.settings.jobs;
  return {
    checkout,
    engine,
    builder,
    memory: openMemory(checkout.own, engine.id, isEngine(builder) ? '' : builder.name),
    force,
    // A layer waits for the network more than it computes; a test computes.
    builds: jobs ?? Math.max(8, 2 * engine.cpus),
    tests: jobs ?? Math.max(2, engine.cpus),
    display,
    signal,
    logs: logsOf(checkout, options.now),
    patience: patienceOf(checkout.settings),
  };
}
