/** Runs a check of an image in a container of its own, under ai-run's policy, and judges its end. */

import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { create } from '@ai-bakery/kernel/launch.ts';
import type { Platform } from '@ai-bakery/kernel/platform.ts';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import type { Check } from '../catalogue/definition.rules.ts';
import { runContainer } from '../engine/containers.ts';
import type { Ended } from '../engine/ended.rules.ts';
import type { Engine } from '../engine/engine.ts';
import { faultsOf, seenText, type TestResult } from './judge.rules.ts';
import { trialLabel } from './trial-names.rules.ts';

export type CheckRunner = (
  check: Check,
  image: { readonly reference: string; readonly version: string },
  platform: Platform,
) => Promise<TestResult>;

/** The parts of every container that checks run in. */
export type Bench = {
  readonly engine: Engine;
  readonly policy: Policy;
  /** The platform this machine executes without emulation. */
  readonly native: Platform;
  /** The value of the containers' label. */
  readonly trial: string;
  readonly signal: AbortSignal;
};

/** An emulated program is an order of magnitude slower: it needs patience, not another try. */
const emulationFactor = 10;

export function openCheckRunner(bench: Bench): CheckRunner {
  const probes = new Map<Platform, Promise<boolean>>();
  const canExecute = (reference: string, platform: Platform): Promise<boolean> => {
    if (platform === bench.native) return Promise.resolve(true);
    const known = probes.get(platform) ?? probe(bench, reference, platform);
    probes.set(platform, known);
    return known;
  };
  return async (check, image, platform) => {
    const [file = '', ...args] = check.run;
    const subject = formatCommand({ file, args });
    const { name } = check;
    if (!(await canExecute(image.reference, platform))) {
      const seen = `this machine cannot execute ${platform}`;
      return { name, status: 'not run', subject, seen, milliseconds: 0 };
    }
    const seconds = check.timeout * (platform === bench.native ? 1 : emulationFactor);
    const started = performance.now();
    const attempt = () => runOne(bench, image.reference, platform, [file, ...args], seconds);
    const first = await attempt();
    // Once in some hundred starts on a busy machine the engine fails: that is not the image's fault.
    const ended = first.end === 'broken' ? await attempt() : first;
    const wrong = faultsOf(check, image.version, ended, seconds);
    return {
      name,
      status: wrong.length === 0 ? 'passed' : 'failed',
      subject,
      ...(wrong.length === 0 ? {} : { expected: wrong.join(', '), seen: seenText(ended) }),
      milliseconds: performance.now() - started,
    };
  };
}

/**
 * Tries a platform out, because builders go on naming one whose emulator is gone. The engine has no typed answer here:
 * the container starts, and its init, a program of this machine, prints that it cannot execute the image's.
 */
async function probe(bench: Bench, reference: string, platform: Platform): Promise<boolean> {
  const { stderr, error } = await runOne(
    bench,
    reference,
    platform,
    ['true'],
    60 * emulationFactor,
  );
  return !/exec format error/i.test(`${stderr}\n${error}`);
}

function runOne(
  { engine, policy, trial, signal }: Bench,
  image: string,
  platform: Platform,
  command: readonly [string, ...string[]],
  seconds: number,
): Promise<Ended> {
  const labels = { [trialLabel]: trial };
  return runContainer(engine, create({ image, platform, policy, command, labels }), {
    timeout: seconds * 1000,
    signal,
  });
}
