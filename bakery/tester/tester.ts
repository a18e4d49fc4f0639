/** Tests the images of a bake, several at a time. */

import pLimit from 'p-limit';
import { type Platform, platformOfMachine } from '@ai-bakery/kernel/platform.ts';
import type { Built } from '../builder/local-images.ts';
import type { TestResult } from './judge.rules.ts';
import { cellName, type Subject } from '../plan/plan.rules.ts';
import { firstFault, verdict } from './report.rules.ts';
import type { Environment } from '../builder/environment.ts';
import { openSmoke } from './smoke.ts';

/** Results by {@link cellName}, of the images that were tested. */
export type Tested = ReadonlyMap<string, readonly TestResult[]>;

/** Tests every image that exists, but for those that have passed the same tests. */
export async function testAll(
  subjects: readonly Subject[],
  { cells }: Built,
  { checkout, engine, memory, force, display, signal, tests }: Environment,
): Promise<Tested> {
  const native = platformOfMachine(process.arch) ?? 'linux/amd64';
  const smoke = openSmoke(engine, memory, checkout.catalogue.runtimes, native, signal);
  const limit = pLimit(tests);
  const tested = new Map<string, readonly TestResult[]>();
  const testOne = async (subject: Subject, platform: Platform): Promise<void> => {
    const name = cellName(subject.image, platform);
    const known = force ? undefined : await memory.results(smoke.key(subject), platform);
    if (
      known !== undefined &&
      verdict(known) === 'passed' &&
      cells.get(name)?.build === 'up to date'
    ) {
      tested.set(name, known);
      return;
    }
    display.start(`test ${name}`);
    const results = await smoke.test(subject, platform);
    await memory.tested(smoke.key(subject), platform, results);
    tested.set(name, results);
    const outcome = verdict(results);
    display.end(
      `test ${name}`,
      outcome === 'failed' ? 'failed' : 'done',
      firstFault(results) ?? '',
    );
  };
  const exists = new Set<string | undefined>(['built', 'up to date']);
  // All tests have ended before their containers are removed: one that is still starting would stay.
  const outcomes = await Promise.allSettled(
    subjects.flatMap((subject) =>
      subject.image.platforms
        .filter((platform) => exists.has(cells.get(cellName(subject.image, platform))?.build))
        .map((platform) => limit(() => testOne(subject, platform))),
    ),
  );
  await smoke.close();
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return tested;
}
