/** Tests images of an engine: their files and configuration, then their checks under ai-run's policy. */

import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Platform } from '@ai-bakery/kernel/platform.ts';
import { lineage, type Runtime } from '../catalogue/catalogue.rules.ts';
import { removeContainers } from '../engine/containers.ts';
import type { Engine } from '../engine/engine.ts';
import { inspectImage } from '../engine/images.ts';
import type { Subject } from '../plan/plan.rules.ts';
import { openCheckRunner } from './check-runner.ts';
import { checksOf, smokePolicy, testKeyOf, type TestResult } from './judge.rules.ts';
import { type LayerEntries, openLayerEntries } from './layer-entries.ts';
import { sweepTests } from './leftovers.ts';
import type { Memory } from './memory.ts';
import { checkStatic, type Entry } from './static.rules.ts';
import { trialLabel, trialName } from './trial-names.rules.ts';

export type Smoke = {
  readonly test: (subject: Subject, platform: Platform) => Promise<TestResult[]>;
  /** A hash of everything that decides how a test of this subject ends. */
  readonly key: (subject: Subject) => string;
  /** Removes the containers that checks left. */
  readonly close: () => Promise<void>;
};

/**
 * @param native the platform this machine executes without emulation; if it cannot execute another one, that one's
 *   checks are reported as not run.
 */
export function openSmoke(
  engine: Engine,
  memory: Memory,
  runtimes: readonly Runtime[],
  native: Platform,
  signal: AbortSignal,
): Smoke {
  const trial = trialName(Date.now(), randomBytes(6).toString('hex'));
  const sweeping = sweepTests(engine);
  const policy = smokePolicy(engine.cpus);
  const entries = openLayerEntries(engine, memory);
  const runCheck = openCheckRunner({ engine, policy, native, trial, signal });
  return {
    key: ({ image, agent, runtime }) => testKeyOf(image.key, agent, runtime, runtimes),
    test: async (subject, platform) => {
      if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
      const { image, agent, runtime } = subject;
      const results = await checkFiles(engine, entries, runtimes, subject, platform);
      const tested = { reference: image.reference, version: agent.lock.version ?? '' };
      for (const check of checksOf(agent, runtime, runtimes))
        results.push(await runCheck(check, tested, platform));
      return results;
    },
    close: async () => {
      await sweeping;
      await removeTrial(engine, trial, signal);
    },
  };
}

async function checkFiles(
  engine: Engine,
  entriesOf: LayerEntries,
  runtimes: readonly Runtime[],
  { image, agent, runtime }: Subject,
  platform: Platform,
): Promise<TestResult[]> {
  const started = performance.now();
  const config = await inspectImage(engine, image.reference, platform);
  const layers = await entriesOf(image.reference, platform, config.diffIds);
  const parts = [...lineage(runtime, runtimes), agent];
  const base = layers.slice(0, layers.length - parts.length);
  const own = parts.map(({ name, budget }, at) => ({
    name,
    budget,
    entries: layers[base.length + at] ?? [],
  }));
  return checkStatic(
    { platform, key: image.key, command: agent.command, config, base: flatten(base), own },
    performance.now() - started,
  );
}

async function removeTrial(engine: Engine, trial: string, signal: AbortSignal): Promise<void> {
  const label = `${trialLabel}=${trial}`;
  await removeContainers(engine, label);
  // Interrupted, docker's client ends while the engine may still be making the container it was asked for.
  for (let quiet = 0; signal.aborted && quiet < 2;) {
    await setTimeout(500);
    quiet = (await removeContainers(engine, label)) === 0 ? quiet + 1 : 0;
  }
}

function flatten(layers: readonly (readonly Entry[])[]): Map<string, Entry> {
  return new Map(layers.flat().map((entry) => [entry.path, entry]));
}
