import { describe, expect, test } from 'vitest';
import type { TestResult } from '../../../bakery/tester/judge.rules.ts';
import {
  firstFault,
  type ImageReport,
  junit,
  verdict,
} from '../../../bakery/tester/report.rules.ts';
import { digest } from '../support.ts';

const result = (changes: Partial<TestResult> = {}): TestResult => ({
  name: 'version',
  status: 'passed',
  subject: 'otter --version',
  milliseconds: 1234,
  ...changes,
});
const failed = result({
  name: 'help',
  status: 'failed',
  expected: 'exit code 0',
  seen: 'exit code 1\nstdout: a <b> & "c"',
});
const skipped = result({ name: 'arm', status: 'not run', seen: 'this machine cannot execute it' });

const image = (changes: Partial<ImageReport>): ImageReport => ({
  image: 'ai-otter:go',
  platform: 'linux/arm64',
  key: digest('a'),
  build: 'built',
  test: 'passed',
  results: [result()],
  ...changes,
});

describe('the verdict over results', () => {
  test.each<[string, TestResult[], string]>([
    ['all passed', [result(), result()], 'passed'],
    ['one failed', [result(), failed, skipped], 'failed'],
    ['one could not run', [result(), skipped], 'not run'],
  ])('where %s', (_, results, expected) => {
    expect(verdict(results)).toBe(expected);
  });
});

describe('the first fault', () => {
  test.each<[string, TestResult[], string | undefined]>([
    ['nothing where all passed', [result()], undefined],
    ['one line of what failed', [skipped, failed], 'help: expected exit code 0; exit code 1'],
    ['what could not run, where nothing failed', [skipped], 'arm: this machine cannot execute it'],
    ['its name alone where nothing was seen', [result({ status: 'failed' })], 'version: '],
  ])('is %s', (_, results, expected) => {
    expect(firstFault(results)).toBe(expected);
  });
});

describe('the JUnit report', () => {
  test('counts and escapes', () => {
    expect(junit([image({ results: [result(), failed, skipped], test: 'failed' })])).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="ai-otter:go linux/arm64" tests="3" failures="1" skipped="1">
    <testcase classname="ai-otter:go linux/arm64" name="version" time="1.234"/>
    <testcase classname="ai-otter:go linux/arm64" name="help" time="1.234"><failure>otter --version
expected: exit code 0
seen: exit code 1
stdout: a &lt;b&gt; &amp; &quot;c&quot;</failure></testcase>
    <testcase classname="ai-otter:go linux/arm64" name="arm" time="1.234"><skipped message="this machine cannot execute it"/></testcase>
  </testsuite>
</testsuites>
`,
    );
  });

  test('escapes names', () => {
    expect(junit([image({ results: [result({ name: 'a "b" <c> & d' })] })])).toContain(
      'name="a &quot;b&quot; &lt;c&gt; &amp; d"',
    );
  });

  test('is not fooled by output that looks like a result', () => {
    const results = [result({ status: 'failed', seen: '<failure><skipped ' })];
    expect(junit([image({ results })])).toContain('tests="1" failures="1" skipped="0"');
  });

  test.each<[string, Partial<ImageReport>, string]>([
    [
      'is blocked',
      { build: 'blocked', test: 'not run', why: 'agent/otter failed' },
      'failures="1" skipped="0"',
    ],
    [
      'failed to build',
      { build: 'failed', test: 'not run', why: 'the images failed' },
      'failures="1" skipped="0"',
    ],
    [
      'was up to date and not tested',
      { build: 'up to date', test: 'not run', why: 'not asked to test' },
      'failures="0" skipped="1"',
    ],
    [
      'was built and not tested, as was asked for',
      { build: 'built', test: 'not run', why: 'not asked to test' },
      'failures="0" skipped="1"',
    ],
  ])('has one case for an image that %s', (_, changes, counts) => {
    const text = junit([image({ results: [], ...changes })]);
    expect(text).toContain(`tests="1" ${counts}`);
    expect(text).toContain(changes.why);
  });

  test('has one suite per image and platform', () => {
    const text = junit([image({}), image({ platform: 'linux/amd64' })]);
    expect(text.match(/<testsuite name="[^"]*"/g)).toEqual([
      '<testsuite name="ai-otter:go linux/arm64"',
      '<testsuite name="ai-otter:go linux/amd64"',
    ]);
  });
});
