import { randomBytes } from 'node:crypto';
import pLimit, { type LimitFunction } from 'p-limit';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { type Platform, platformOfMachine } from '@ai-bakery/kernel/platform.ts';
import { isPassing } from '../registry/challenge.rules.ts';
import type { TestResult } from '../tester/judge.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { cellName } from '../plan/plan.rules.ts';
import { trialName, trialRepository } from '../tester/trial-names.rules.ts';
import { testedTag } from './need.rules.ts';
import { firstFault, type ImageReport, verdict } from '../tester/report.rules.ts';
import { capture } from '../host/exec.ts';
import type { Kitchen } from '../builder/kitchen.ts';
import type { Registry } from '../registry/registry.ts';
import { persist } from '../host/retry.ts';
import { openSmoke } from '../tester/smoke.ts';
import type { Order } from './publication.rules.ts';

/** Tests what a registry has, by digest, and leaves there that it passed. */
export type Trial = {
  /** Tests an index on these platforms; what this engine has seen it pass before counts. */
  readonly test: (
    order: Order,
    index: Manifest,
    platforms: readonly Platform[],
  ) => Promise<ImageReport[]>;
  /** Removes what tests left running, and the images that were pulled for them. */
  readonly close: () => Promise<void>;
};

const maximumPulls = 4;

export function openTrial(kitchen: Kitchen, registry: Registry): Trial {
  const { checkout, engine, memory, force, display, signal } = kitchen;
  const native = platformOfMachine(process.arch) ?? 'linux/amd64';
  const smoke = openSmoke(engine, memory, checkout.catalogue.runtimes, native, signal);
  const limit = pLimit(kitchen.tests);
  const trial = trialName(Date.now(), randomBytes(6).toString('hex'));
  /** Names of this run's own by reference: another run that removes what it pulled takes nothing away from this one. */
  const names = new Map<string, string>();
  /** By reference: while one platform of it is pulled, the engine cannot give a name to another one. */
  const turns = new Map<string, LimitFunction>();
  /** @returns the name that the engine has it under. */
  const fetchImage = (reference: string, platform: Platform): Promise<string> => {
    const turn = turns.get(reference) ?? pLimit(1);
    turns.set(reference, turn);
    return turn(async () => {
      const name = names.get(reference) ?? `${trialRepository}:${trial}-${names.size}`;
      names.set(reference, name);
      await pull(reference, name, platform, kitchen);
      return name;
    });
  };

  const testOne = async (
    { subject, repository, testKey }: Order,
    index: Manifest,
    platform: Platform,
  ): Promise<readonly TestResult[]> => {
    // The very bytes count here, not the key that they were made from.
    const memoryKey = `${testKey}-${index.digest}`;
    const known = force ? undefined : await memory.results(memoryKey, platform);
    if (known !== undefined && verdict(known) === 'passed') return known;
    const reference = `${repository}@${index.digest}`;
    const name = `test ${cellName(subject.image, platform)}`;
    display.start(name);
    const own = await fetchImage(reference, platform);
    const results = await smoke.test(
      { ...subject, image: { ...subject.image, reference: own } },
      platform,
    );
    await memory.tested(memoryKey, platform, results);
    const failed = verdict(results) === 'failed';
    display.end(name, failed ? 'failed' : 'done', firstFault(results) ?? '');
    return results;
  };

  return {
    test: async (order, index, platforms) => {
      const { image } = order.subject;
      // Where one platform fails, the other one is still under way: what they use is removed when both have ended.
      const outcomes = await Promise.allSettled(
        platforms.map(async (platform): Promise<ImageReport> => {
          const results = await limit(() => testOne(order, index, platform));
          const outcome = verdict(results);
          if (outcome === 'passed') {
            const tag = testedTag(order.testKey, index.digest, platform);
            await registry.writeManifest(`${order.repository}:${tag}`, index);
          }
          const why = firstFault(results);
          return {
            image: `${order.repository}:${image.runtime}`,
            platform,
            key: image.key,
            build: order.need.step === 'build' ? 'built' : 'up to date',
            test: outcome,
            ...(why === undefined ? {} : { why }),
            results,
          };
        }),
      );
      return outcomes.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value;
      });
    },
    close: async () => {
      await smoke.close();
      // What another container still uses stays.
      const args = ['image', 'rm', ...[...names].flat()];
      if (names.size > 0) await capture({ file: 'docker', args }).catch(() => undefined);
    },
  };
}

/** Pulls one platform of an image, and gives it another name. */
function pull(
  reference: string,
  name: string,
  platform: Platform,
  { signal, patience }: Kitchen,
): Promise<void> {
  const args = ['pull', '--quiet', `--platform=${platform}`, reference];
  const attempt = async (): Promise<void> => {
    await capture({ file: 'docker', args }, { signal, timeout: patience });
    await capture({ file: 'docker', args: ['tag', reference, name] }, { signal });
  };
  return persist(attempt, { tries: maximumPulls, before: 3, mayPass, signal });
}

/**
 * Whether it may be pulled in a while. Its index was read by its digest a moment ago: what is not found of it does not show yet. And
 * before it has a name of one's own, another run may remove it, or pull another platform of it, for which the engine has an index
 * and not yet what that names.
 */
function mayPass(error: unknown): boolean {
  return (
    (error instanceof UserError && error.code === 'E_TIMEOUT') ||
    isPassing(messageOf(error)) ||
    /\bnot found\b|\bNo such image\b|failed to read config content/.test(messageOf(error))
  );
}
