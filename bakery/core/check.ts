import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Policy } from '../../ai-run/core/policy.ts';
import type { Check } from './definition.ts';

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

/** Under which a test's results are remembered: the image, what is asked of it, and the policy it runs under. */
export const testKey = (
  imageKey: string,
  checks: readonly Check[],
  budgets: readonly number[],
  policy: Policy,
): string =>
  createHash('sha256')
    .update(JSON.stringify([imageKey, checks, budgets, policy]))
    .digest('hex');

/** What a command did. */
export type Seen = {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
};

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** A check's regular expression, with the locked version in the place of `{version}`. */
export const pattern = (text: string, version: string): RegExp =>
  new RegExp(text.replaceAll('{version}', literal(version)));

/** What was expected and is not so, as one line each; none when the check holds. */
export const judge = (check: Check, version: string, seen: Seen): string[] => {
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
};
