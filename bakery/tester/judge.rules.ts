import { createHash } from 'node:crypto';
import { z } from 'zod';
import { harden, type Policy } from '@ai-bakery/kernel/policy.ts';
import { type Agent, lineage, type Runtime } from '../catalogue/catalogue.rules.ts';
import type { Check } from '../catalogue/definition.rules.ts';

/** How one check of one image on one platform went. */
const TestResult = z.object({
  name: z.string(),
  status: z.enum(['passed', 'failed', 'not run']),
  /** What was run or looked at, for people. */
  subject: z.string(),
  expected: z.string().optional(),
  seen: z.string().optional(),
  milliseconds: z.number(),
});

export type TestResult = z.infer<typeof TestResult>;

export const TestResults = z.array(TestResult);

/** A user that no image knows: what works for it works for every caller. */
const user = { uid: 1234, gid: 1234 };

/** What a command did. */
export type Seen = {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
};

/** The policy that smoke tests run under: ai-run's own, without a network, on no more cpus than the machine has. */
export function smokePolicy(cpus: number): Policy {
  return harden({ user, network: { mode: 'none' }, limits: { cpus: Math.min(2, cpus) } });
}

/** What is asked of an image: its agent's checks, and those of all runtimes it stands on. */
export function checksOf(agent: Agent, runtime: Runtime, runtimes: readonly Runtime[]): Check[] {
  return [...agent.checks, ...lineage(runtime, runtimes).flatMap(({ checks }) => checks)];
}

/** Under which a test's results are remembered: the image, what is asked of it, and the policy it runs under. */
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

/** The test key of an image as its definitions have it now. How many cpus a machine has is no part of it. */
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

/**
 * Whether the machine failed to make a check's container, so that nothing of the image has run: `docker run` exits with 125
 * for that, and an image without the program that is asked for with 127. docs.docker.com/reference/cli/docker/container/run
 */
export function neverRan({ exitCode, stderr }: Seen): boolean {
  return exitCode === 125 && stderr.includes('OCI runtime create failed');
}

/** A check's regular expression, with the locked version in the place of `{version}`. */
export function pattern(text: string, version: string): RegExp {
  return new RegExp(text.replaceAll('{version}', literal(version)));
}

/** What was expected and is not so, as one line each; none when the check holds. */
export function judge(check: Check, version: string, seen: Seen): string[] {
  const wrong: string[] = [];
  if (seen.exitCode !== check.exit) wrong.push(`exit code ${check.exit}`);
  for (const stream of ['stdout', 'stderr'] as const) {
    const expected = check[stream];
    // A trailing newline is how programs end a line, not a part of what they say.
    if (
      expected !== undefined &&
      !pattern(expected, version).test(seen[stream].replace(/\n$/, ''))
    ) {
      wrong.push(`${stream} like ${pattern(expected, version).source}`);
    }
  }
  return wrong;
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
