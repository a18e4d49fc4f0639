import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { launch } from '@ai-bakery/kernel/launch.ts';
import { type Platform } from '@ai-bakery/kernel/platform.ts';
import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { lineage, type Runtime } from '../catalogue/catalogue.rules.ts';
import {
  checksOf,
  judge,
  neverRan,
  smokePolicy,
  testKeyOf,
  type TestResult,
} from './judge.rules.ts';
import type { Check } from '../catalogue/definition.rules.ts';
import type { Image, Subject } from '../plan/plan.rules.ts';
import { trialLabel, trialName } from './trial-names.rules.ts';
import { checkStatic, type Entry } from './static.rules.ts';
import { type Engine, inspectImage, removeContainers, saveImage } from '../engine/engine.ts';
import { run } from '../host/exec.ts';
import { sweepTests } from './leftovers.ts';
import { readListings } from './listing.ts';
import type { Memory } from './memory.ts';

export type Smoke = {
  readonly test: (subject: Subject, platform: Platform) => Promise<TestResult[]>;
  /** Stands for everything that decides how a test of this subject ends. */
  readonly key: (subject: Subject) => string;
  /** Removes whatever a check left running. */
  readonly close: () => Promise<void>;
};

/** An emulated program is an order of magnitude slower: it needs patience, not another try. */
const emulationFactor = 10;

/**
 * Tests images of this engine: what can be seen without running them, and their checks, each in a container of its
 * own under ai-run's policy.
 * @param native the platform this machine executes without emulation; where it cannot execute another one, that one's
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
  const label = `${trialLabel}=${trial}`;
  const sweeping = sweepTests(engine);
  const policy = smokePolicy(engine.cpus);
  const listings = new Map<string, readonly Entry[]>();
  const saving = pLimit(1);

  const recall = async (diffIds: readonly string[]): Promise<boolean> => {
    for (const id of diffIds) {
      const entries = listings.has(id) ? undefined : await memory.listing(id);
      if (entries !== undefined) listings.set(id, entries);
    }
    return diffIds.every((id) => listings.has(id));
  };

  /** Saves an image where one of its layers is not known yet; one at a time, because one may teach the next. */
  const ensureListings = (
    image: Image,
    platform: Platform,
    diffIds: readonly string[],
  ): Promise<void> =>
    saving(async () => {
      if (await recall(diffIds)) return;
      const saved = await saveImage(engine, image.reference, platform);
      for (const listing of await readListings(saved, memory.wasListed)) {
        listings.set(listing.diffId, listing.entries);
        await memory.listed(listing);
      }
      // What another run on this machine has listed meanwhile was not read here.
      await recall(diffIds);
    });

  const staticChecks = async (
    { image, agent, runtime }: Subject,
    platform: Platform,
  ): Promise<TestResult[]> => {
    const started = performance.now();
    const config = await inspectImage(engine, image.reference, platform);
    await ensureListings(image, platform, config.diffIds);
    const layers = config.diffIds.map((id) => {
      const entries = listings.get(id);
      if (entries === undefined)
        throw new Error(`${image.reference}: the engine saved no layer ${id}`);
      return entries;
    });
    const parts = [...lineage(runtime, runtimes), agent];
    const base = layers.slice(0, layers.length - parts.length);
    return checkStatic(
      {
        platform,
        key: image.key,
        command: agent.command,
        config,
        base: flatten(base),
        own: parts.map(({ name, budget }, at) => ({
          name,
          budget,
          entries: layers[base.length + at] ?? [],
        })),
      },
      performance.now() - started,
    );
  };

  const probes = new Map<Platform, Promise<boolean>>();
  /** Tried, because builders go on naming a platform whose emulator is gone. */
  const probe = async (image: Image, platform: Platform): Promise<boolean> => {
    const { stderr } = await run(
      launch({
        image: image.reference,
        platform,
        policy,
        command: ['true'],
        labels: { [trialLabel]: trial },
      }),
      { timeout: 60_000 * emulationFactor, signal },
    );
    return !/exec format error/i.test(stderr);
  };
  const canExecute = (image: Image, platform: Platform): Promise<boolean> => {
    if (platform === native) return Promise.resolve(true);
    const known = probes.get(platform) ?? probe(image, platform);
    probes.set(platform, known);
    return known;
  };

  const runCheck = async (
    check: Check,
    { image, agent }: Subject,
    platform: Platform,
  ): Promise<TestResult> => {
    const [file, ...args] = check.run;
    const subject = formatCommand({ file: file ?? '', args });
    if (!(await canExecute(image, platform))) {
      return {
        name: check.name,
        status: 'not run',
        subject,
        seen: `this machine cannot execute ${platform}`,
        milliseconds: 0,
      };
    }
    const seconds = check.timeout * (platform === native ? 1 : emulationFactor);
    const started = performance.now();
    const command = launch({
      image: image.reference,
      platform,
      policy,
      command: [file ?? '', ...args],
      labels: { [trialLabel]: trial },
    });
    const start = () => run(command, { timeout: seconds * 1000, signal });
    const first = await start();
    // Once in some hundred starts on a busy machine: it says nothing about the image.
    const outcome = neverRan(first) ? await start() : first;
    const wrong = outcome.timedOut
      ? [`an end within ${seconds} s`]
      : judge(check, agent.lock.version ?? '', outcome);
    return {
      name: check.name,
      status: wrong.length === 0 ? 'passed' : 'failed',
      subject,
      ...(wrong.length === 0
        ? {}
        : {
            expected: wrong.join(', '),
            seen: [
              `exit code ${outcome.exitCode ?? 'none'}`,
              `stdout: ${lastLines(outcome.stdout)}`,
              `stderr: ${lastLines(outcome.stderr)}`,
            ].join('\n'),
          }),
      milliseconds: performance.now() - started,
    };
  };

  return {
    key: ({ image, agent, runtime }) => testKeyOf(image.key, agent, runtime, runtimes),
    test: async (subject, platform) => {
      if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
      const results = await staticChecks(subject, platform);
      for (const check of checksOf(subject.agent, subject.runtime, runtimes))
        results.push(await runCheck(check, subject, platform));
      return results;
    },
    close: async () => {
      await sweeping;
      await removeContainers(engine, label);
      // Interrupted, docker's client ends while the engine may still be creating what it asked for.
      for (let quiet = 0; signal.aborted && quiet < 2;) {
        await setTimeout(500);
        quiet = (await removeContainers(engine, label)) === 0 ? quiet + 1 : 0;
      }
    },
  };
}

function flatten(layers: readonly (readonly Entry[])[]): Map<string, Entry> {
  return new Map(layers.flat().map((entry) => [entry.path, entry]));
}

function lastLines(text: string): string {
  return printable(text).trimEnd().split('\n').slice(-8).join('\n').slice(-2000);
}
