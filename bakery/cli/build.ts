/** The verbs `build` and `test`: images of the local engine, and the report of their tests. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { platformOfMachine } from '@ai-bakery/kernel/platform.ts';
import { openCheckout } from '../catalogue/checkout.ts';
import { type BuildReport, type ImageReport, junit } from '../tester/report.rules.ts';
import { openDisplay } from '../host/display.ts';
import { writeAtomic } from '../host/write.ts';
import { buildAndTest } from '../builder/build-and-test.ts';
import { openEngineAndInstance } from '../builder/environment.ts';
import { duration, paint, table } from '../host/format.ts';
import { describeFaults } from './faults.ts';
import { type CommonFlags, print, printJson, type SelectionFlags, selectionOf } from './flags.ts';
import type { VerbFlags } from './verb-flags.rules.ts';
import { plan } from './plan.ts';

type BuildFlags = VerbFlags<'build'> & { readonly testOnly?: boolean };

export async function runBuild(flags: CommonFlags & SelectionFlags & BuildFlags): Promise<number> {
  const chosen = selectionOf(flags);
  if (chosen.agents.length === 0 && flags.all !== true) {
    throw new UserError('E_USAGE', 'name the agents to build, or say --all');
  }
  const host = platformOfMachine(process.arch);
  const selection =
    chosen.platforms.length > 0 || host === undefined ? chosen : { ...chosen, platforms: [host] };
  if (flags.dryRun === true) return plan({ ...flags, platform: [...selection.platforms] });
  // The engine is asked while the definitions are read. If these are wrong, its answer is ignored.
  const opening = openEngineAndInstance(flags.signal);
  opening.catch(() => undefined);
  const checkout = await openCheckout(flags.root);
  const display = openDisplay(flags.quiet === true ? 'none' : 'auto');
  let report: BuildReport;
  try {
    report = await buildAndTest(checkout, opening, {
      selection,
      force: flags.force === true || flags.testOnly === true,
      build: flags.testOnly !== true,
      test: flags.test !== false,
      jobs: flags.jobs,
      display,
      signal: flags.signal,
      now: new Date(),
    });
  } finally {
    display.close();
  }
  if (flags.junit !== undefined) await writeAtomic(flags.junit, junit(report.images));
  if (flags.json === true) printJson(report);
  else print(describe(report));
  return report.ok ? 0 : 1;
}

function describe(report: BuildReport): string {
  const rows = report.images.map((image) => [
    image.image,
    image.platform,
    color(image.build),
    color(image.test),
    testTime(image),
    image.why?.split('\n')[0] ?? '',
  ]);
  const bad = report.images.filter(
    ({ test, build }) => test === 'failed' || build === 'failed' || build === 'blocked',
  );
  const untested = report.images.filter(
    (image) => image.test === 'not run' && !bad.includes(image),
  ).length;
  return [
    table(['IMAGE', 'PLATFORM', 'BUILD', 'TEST', 'TIME', ''], rows),
    ...report.leftOut.map(
      ({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`,
    ),
    ...describeFaults(report.layers, report.images),
    `${report.images.length - bad.length - untested} passed, ${bad.length} failed${untested === 0 ? '' : `, ${untested} not tested`}, in ${duration(report.milliseconds)}`,
  ].join('\n');
}

function color(text: string): string {
  return text === 'passed' || text === 'built' || text === 'up to date'
    ? paint('green', text)
    : text === 'failed' || text === 'blocked'
      ? paint('red', text)
      : paint('yellow', text);
}

function testTime({ results }: ImageReport): string {
  return results.length === 0
    ? ''
    : duration(results.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
}
