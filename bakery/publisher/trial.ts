/** Tests the indexes of a publication out of the registry. */

import { randomBytes } from 'node:crypto';
import pLimit, { type LimitFunction } from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { type Platform, platformOfMachine } from '@ai-bakery/kernel/platform.ts';
import { reasonOfDockerPull } from '../registry/foreign-text.rules.ts';
import type { TestResult } from '../tester/judge.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { cellName } from '../plan/plan.rules.ts';
import { trialName, trialRepository } from '../tester/trial-names.rules.ts';
import { testedTag } from './need.rules.ts';
import { firstFault, type ImageReport, verdict } from '../tester/report.rules.ts';
import { capture, CommandError } from '../host/exec.ts';
import type { Environment } from '../builder/environment.ts';
import type { Registry } from '../registry/registry.ts';
import { persist } from '../host/retry.ts';
import { retryPolicies, type RetryReason } from '../host/retry-policy.rules.ts';
import { openSmoke, type Smoke } from '../tester/smoke.ts';
import type { Order } from './publication.rules.ts';

/** Tests indexes of a registry by digest, and records in the registry that they passed. */
export type Trial = {
  /** Tests an index on these platforms, unless this engine has seen it pass before. */
  readonly test: (
    order: Order,
    index: Manifest,
    platforms: readonly Platform[],
  ) => Promise<ImageReport[]>;
  /** Removes what tests left running, and the images that were pulled for them. */
  readonly close: () => Promise<void>;
};

/** The images that a trial has pulled. */
type Pulled = {
  /** @returns the image's name in the engine. */
  readonly pull: (reference: string, platform: Platform) => Promise<string>;
  readonly remove: () => Promise<void>;
};

export function openTrial(environment: Environment, registry: Registry): Trial {
  const { checkout, engine, memory, signal, tests } = environment;
  const native = platformOfMachine(process.arch) ?? 'linux/amd64';
  const smoke = openSmoke(engine, memory, checkout.catalogue.runtimes, native, signal);
  const pulled = openPulled(environment);
  const limit = pLimit(tests);
  return {
    test: async (order, index, platforms) => {
      // If one platform fails, the images that the other one uses are removed only when both have ended.
      const outcomes = await Promise.allSettled(
        platforms.map(async (platform): Promise<ImageReport> => {
          const results = await limit(() =>
            testOne(order, index, platform, { smoke, pulled, environment }),
          );
          return report(order, index, platform, results, registry);
        }),
      );
      return outcomes.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value;
      });
    },
    close: async () => {
      await smoke.close();
      await pulled.remove();
    },
  };
}

/** Gives each pulled image a name of this run: another run that removes its images takes none of these away. */
function openPulled(environment: Environment): Pulled {
  const trial = trialName(Date.now(), randomBytes(6).toString('hex'));
  const names = new Map<string, string>();
  /** By reference: while one platform of it is pulled, the engine cannot name another one. */
  const turns = new Map<string, LimitFunction>();
  return {
    pull: (reference, platform) => {
      const turn = turns.get(reference) ?? pLimit(1);
      turns.set(reference, turn);
      return turn(async () => {
        const name = names.get(reference) ?? `${trialRepository}:${trial}-${names.size}`;
        names.set(reference, name);
        await pull(reference, name, platform, environment);
        return name;
      });
    },
    remove: async () => {
      // An image that another container still uses stays.
      const args = ['image', 'rm', ...[...names].flat()];
      if (names.size > 0) await capture({ file: 'docker', args }).catch(() => undefined);
    },
  };
}

async function testOne(
  { subject, repository, testKey }: Order,
  index: Manifest,
  platform: Platform,
  {
    smoke,
    pulled,
    environment: { memory, force, display },
  }: { readonly smoke: Smoke; readonly pulled: Pulled; readonly environment: Environment },
): Promise<readonly TestResult[]> {
  // The results belong to these bytes, not to the key that they were made from.
  const memoryKey = `${testKey}-${index.digest}`;
  const known = force ? undefined : await memory.results(memoryKey, platform);
  if (known !== undefined && verdict(known) === 'passed') return known;
  const reference = `${repository}@${index.digest}`;
  const name = `test ${cellName(subject.image, platform)}`;
  display.start(name);
  const own = await pulled.pull(reference, platform);
  const image = { ...subject.image, reference: own };
  const results = await smoke.test({ ...subject, image }, platform);
  await memory.tested(memoryKey, platform, results);
  const failed = verdict(results) === 'failed';
  display.end(name, failed ? 'failed' : 'done', firstFault(results) ?? '');
  return results;
}

/** Reports a test, and tags an index that passed it. */
async function report(
  { subject: { image }, repository, testKey, need }: Order,
  index: Manifest,
  platform: Platform,
  results: readonly TestResult[],
  registry: Registry,
): Promise<ImageReport> {
  const outcome = verdict(results);
  if (outcome === 'passed') {
    const tag = testedTag(testKey, index.digest, platform);
    await registry.writeManifest(`${repository}:${tag}`, index);
  }
  const why = firstFault(results);
  return {
    image: `${repository}:${image.runtime}`,
    platform,
    key: image.key,
    build: need.step === 'build' ? 'built' : 'up to date',
    test: outcome,
    ...(why === undefined ? {} : { why }),
    results,
  };
}

/** Pulls one platform of an image, and gives it another name. */
function pull(
  reference: string,
  name: string,
  platform: Platform,
  { signal, patience }: Environment,
): Promise<void> {
  const args = ['pull', '--quiet', `--platform=${platform}`, reference];
  const attempt = async (): Promise<void> => {
    await capture({ file: 'docker', args }, { signal, timeout: patience });
    await capture({ file: 'docker', args: ['tag', reference, name] }, { signal });
  };
  return persist(attempt, { policy: retryPolicies.pull, ofError: reasonOfPull, signal });
}

/** Why the pull may succeed when it is repeated: the index was read by its digest a moment ago. */
function reasonOfPull(error: unknown): RetryReason | undefined {
  if (error instanceof UserError && error.code === 'E_TIMEOUT') return 'no answer';
  return error instanceof CommandError ? reasonOfDockerPull(error.stderr) : undefined;
}
