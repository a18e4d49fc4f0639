/** Reports of builds and tests: verdicts, the first fault, JUnit XML. */

import type { Platform } from '@ai-bakery/kernel/platform.ts';
import type { TestResult } from './judge.rules.ts';
import type { LeftOut } from '../plan/matrix.rules.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';

/** The outcome of one image on one platform. */
export type ImageReport = {
  /** `ai-claude:go`; with its registry if it was pushed. */
  readonly image: string;
  readonly platform: Platform;
  readonly key: Digest;
  readonly build: 'built' | 'up to date' | 'blocked' | 'failed';
  readonly test: 'passed' | 'failed' | 'not run';
  /** The reason that it was not built or not tested, or the first failure. */
  readonly why?: string;
  readonly results: readonly TestResult[];
};

/** The outcome of one build, as `bakery build --json` prints it. */
export type BuildReport = {
  readonly layers: readonly {
    readonly id: string;
    readonly ok: boolean;
    readonly executed: number;
    readonly milliseconds: number;
    readonly log: string;
    readonly error?: string;
  }[];
  readonly images: readonly ImageReport[];
  readonly leftOut: readonly LeftOut[];
  readonly milliseconds: number;
  readonly ok: boolean;
};

/** Returns one verdict over all checks; a check that could not run has not passed. */
export function verdict(results: readonly TestResult[]): ImageReport['test'] {
  return results.some(({ status }) => status === 'failed')
    ? 'failed'
    : results.length === 0 || results.some(({ status }) => status === 'not run')
      ? 'not run'
      : 'passed';
}

/** Returns the first fault, on one line. */
export function firstFault(results: readonly TestResult[]): string | undefined {
  const fault =
    results.find(({ status }) => status === 'failed') ??
    results.find(({ status }) => status === 'not run');
  if (fault === undefined) return undefined;
  const seen = (fault.seen ?? '').split('\n')[0] ?? '';
  return `${fault.name}: ${fault.expected === undefined ? '' : `expected ${fault.expected}; `}${seen}`;
}

/** Writes the tests as JUnit XML, as GitLab reads it: docs.gitlab.com/ci/testing/unit_test_reports. */
export function junit(images: readonly ImageReport[]): string {
  const suites = images.map((image) => {
    const results = casesOf(image);
    const count = (status: TestResult['status']): number =>
      results.filter((result) => result.status === status).length;
    return [
      `  <testsuite name="${escapeXml(`${image.image} ${image.platform}`)}" tests="${results.length}" failures="${count('failed')}" skipped="${count('not run')}">`,
      ...results.map((result) => testCase(image, result)),
      '  </testsuite>',
    ].join('\n');
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}

/** An image that was not tested is one case, so that the report is complete. */
function casesOf({ results, build, why }: ImageReport): readonly TestResult[] {
  if (results.length > 0) return results;
  const status = build === 'blocked' || build === 'failed' ? 'failed' : 'not run';
  return [{ name: 'image', status, subject: build, seen: why ?? '', milliseconds: 0 }];
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function testCase(image: ImageReport, result: TestResult): string {
  const open = `    <testcase classname="${escapeXml(`${image.image} ${image.platform}`)}" name="${escapeXml(result.name)}" time="${(result.milliseconds / 1000).toFixed(3)}"`;
  if (result.status === 'passed') return `${open}/>`;
  const text = escapeXml(
    [result.subject, `expected: ${result.expected ?? ''}`, `seen: ${result.seen ?? ''}`].join('\n'),
  );
  return result.status === 'failed'
    ? `${open}><failure>${text}</failure></testcase>`
    : `${open}><skipped message="${escapeXml(result.seen ?? '')}"/></testcase>`;
}
