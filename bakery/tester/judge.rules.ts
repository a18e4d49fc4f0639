/** Smoke tests: their policy and keys, and the judgement of a check by the end of its container. */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { harden, type Policy } from '@ai-bakery/kernel/policy.ts';
import { type Agent, lineage, type Runtime } from '../catalogue/catalogue.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import type { Check } from '../catalogue/definition.rules.ts';
import type { Ended } from '../engine/ended.rules.ts';

/** The result of one check of one image on one platform. */
const TestResult = z.object({
  name: z.string(),
  status: z.enum(['passed', 'failed', 'not run']),
  /** The command, or the part of the image that was examined, for people. */
  subject: z.string(),
  expected: z.string().optional(),
  seen: z.string().optional(),
  milliseconds: z.number(),
});

export type TestResult = z.infer<typeof TestResult>;

export const TestResults = z.array(TestResult);

/** A user that no image knows: an image that works for it works for every caller. */
const user = { uid: 1234, gid: 1234 };

/** Returns the policy of smoke tests: ai-run's own, without a network, with no more cpus than the machine has. */
export function smokePolicy(cpus: number): Policy {
  return harden({ user, network: { mode: 'none' }, limits: { cpus: Math.min(2, cpus) } });
}

/** Returns an image's checks: its agent's, and those of its runtime and the runtime's ancestors. */
export function checksOf(agent: Agent, runtime: Runtime, runtimes: readonly Runtime[]): Check[] {
  return [...agent.checks, ...lineage(runtime, runtimes).flatMap(({ checks }) => checks)];
}

/** Returns the key of a test's results: a hash of the image, its checks and budgets, and the policy. */
export function testKey(
  imageKey: string,
  checks: readonly Check[],
  budgets: readonly number[],
  policy: Policy,
): string {
  return createHash('sha256')
    .update(JSON.stringify([imageKey, checks, budgets, policy]))
    .digest('hex');
}

/** Returns the test key of an image by its present definitions. It does not depend on the machine's number of cpus. */
export function testKeyOf(
  imageKey: string,
  agent: Agent,
  runtime: Runtime,
  runtimes: readonly Runtime[],
): string {
  return testKey(
    imageKey,
    checksOf(agent, runtime, runtimes),
    [agent, ...lineage(runtime, runtimes)].map(({ budget }) => budget),
    smokePolicy(2),
  );
}

/** Returns a check's regular expression, with the locked version in place of `{version}`. */
export function pattern(text: string, version: string): RegExp {
  return new RegExp(text.replaceAll('{version}', literal(version)));
}

/** Lists the expectations of a check that its container did not meet; empty if the check passed. */
export function faultsOf(check: Check, version: string, ended: Ended, seconds: number): string[] {
  switch (ended.end) {
    case 'out of time':
      return [`an end within ${seconds} s`];
    case 'broken':
      return ['a container that starts'];
    case 'out of memory':
      return ['an end within the memory limit', ...mismatches(check, version, ended)];
    case 'refused':
    case 'exited':
      return mismatches(check, version, ended);
  }
}

/** Describes the end of a check's container for people. */
export function seenText({ end, exitCode, stdout, stderr, error }: Ended): string {
  return [
    `exit code ${exitCode}${end === 'exited' ? '' : `, ${end}`}`,
    `stdout: ${lastLines(stdout)}`,
    `stderr: ${lastLines(stderr)}`,
    ...(error === '' ? [] : [`engine: ${lastLines(error)}`]),
  ].join('\n');
}

function mismatches(check: Check, version: string, seen: Ended): string[] {
  const wrong: string[] = [];
  if (seen.exitCode !== check.exit) wrong.push(`exit code ${check.exit}`);
  for (const stream of ['stdout', 'stderr'] as const) {
    const expected = check[stream];
    // Programs end a line with a newline; it does not belong to their text.
    if (
      expected !== undefined &&
      !pattern(expected, version).test(seen[stream].replace(/\n$/, ''))
    ) {
      wrong.push(`${stream} like ${pattern(expected, version).source}`);
    }
  }
  return wrong;
}

function lastLines(text: string): string {
  return printable(text).trimEnd().split('\n').slice(-8).join('\n').slice(-2000);
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
