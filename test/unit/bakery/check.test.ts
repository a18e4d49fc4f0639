import { describe, expect, test } from 'vitest';
import { harden } from '../../../kernel/policy.ts';
import {
  faultsOf,
  pattern,
  seenText,
  smokePolicy,
  testKey,
  testKeyOf,
} from '../../../bakery/tester/judge.rules.ts';
import type { Ended } from '../../../bakery/engine/ended.rules.ts';
import { endOfRefusal } from '../../../bakery/engine/ended.rules.ts';
import { Check } from '../../../bakery/catalogue/definition.rules.ts';
import { agentFolder, goFolder, readCatalogue, runtimeFolder } from '../support.ts';

const seen = (changes: Partial<Ended>): Ended => ({
  end: 'exited',
  exitCode: 0,
  stdout: '',
  stderr: '',
  error: '',
  ...changes,
});
const faults = (check: object, changes: Partial<Ended>, version = '1.2.3'): string[] =>
  faultsOf(Check.parse({ name: 'x', run: ['x'], ...check }), version, seen(changes), 30);

describe('a check', () => {
  test.each<[string, object, Partial<Ended>]>([
    ['its exit code is as expected', { exit: 3 }, { exitCode: 3 }],
    ['its output matches', { stdout: '^v{version}$' }, { stdout: 'v1.2.3' }],
    [
      'its output matches up to a line break at the end',
      { stdout: '^v{version}$' },
      { stdout: 'v1.2.3\n' },
    ],
    ['its error output matches', { stderr: '^compiled$' }, { stderr: 'compiled\n' }],
    ['one of many lines matches', { stdout: 'b' }, { stdout: 'a\nb\nc\n' }],
    ['nobody asks for its output', {}, { stdout: 'x', stderr: 'y' }],
  ])('holds where %s', (_, check, result) => {
    expect(faults(check, result)).toEqual([]);
  });

  test.each<[string, object, Partial<Ended>, string[]]>([
    ['its exit code differs', {}, { exitCode: 1 }, ['exit code 0']],
    ['a signal ended it', {}, { exitCode: 137 }, ['exit code 0']],
    [
      'its output has another version',
      { stdout: '^{version}$' },
      { stdout: '1.2.4' },
      [String.raw`stdout like ^1\.2\.3$`],
    ],
    [
      'its output has another character for a dot',
      { stdout: '^{version}$' },
      { stdout: '1x2x3' },
      [String.raw`stdout like ^1\.2\.3$`],
    ],
    [
      'its output says more',
      { stdout: '^{version}$' },
      { stdout: '1.2.3\n\n' },
      [String.raw`stdout like ^1\.2\.3$`],
    ],
    [
      'the right text is on the other stream',
      { stdout: '^ok$' },
      { stderr: 'ok' },
      ['stdout like ^ok$'],
    ],
    [
      'everything differs',
      { stdout: 'a', stderr: 'b', exit: 2 },
      {},
      ['exit code 2', 'stdout like a', 'stderr like b'],
    ],
  ])('fails where %s', (_, check, result, expected) => {
    expect(faults(check, result)).toEqual(expected);
  });
});

describe('a pattern', () => {
  test.each([
    '1.2.3',
    '2026.10.01-e373342',
    '0.0.1790142911-g7618fb',
    '1.0.0+build.5',
    '1*(2)[3]{4}^$|\\?',
  ])('matches the version %s literally, wherever it stands', (version) => {
    expect(pattern('^{version} = {version}$', version).test(`${version} = ${version}`)).toBe(true);
    expect(pattern('^{version}$', version).test(`${version}0`)).toBe(false);
  });

  test('keeps its own syntax', () => {
    expect(pattern(String.raw`^v?{version}\s*$`, '1.0').source).toBe(String.raw`^v?1\.0\s*$`);
  });
});

/** The test key of an agent on go, which extends base. */
const keyOf = (agent: object, base: object): string => {
  const runtimes = [
    runtimeFolder('base', { from: 'docker.io/library/debian:13', ...base }),
    goFolder,
  ];
  const { agents, runtimes: all } = readCatalogue([agentFolder({ ...agent })], runtimes);
  const [otter] = agents;
  const go = all.find(({ name }) => name === 'go');
  if (otter === undefined || go === undefined) throw new Error('not read');
  return testKeyOf('sha256:a', otter, go, all);
};
const one = { name: 'one', run: ['one'] };

describe('what a test’s results are remembered under', () => {
  const policy = harden({ user: { uid: 1234, gid: 1234 } });
  const check = { name: 'version', run: ['tool', '--version'], exit: 0, timeout: 60 };
  const key = testKey('sha256:a', [check], [10], policy);

  test.each([
    ['the image', testKey('sha256:b', [check], [10], policy)],
    ['a check', testKey('sha256:a', [{ ...check, stdout: '^1' }], [10], policy)],
    ['a budget', testKey('sha256:a', [check], [11], policy)],
    ['the policy', testKey('sha256:a', [check], [10], { ...policy, newPrivileges: true })],
  ])('changes with %s', (_, other) => {
    expect(other).not.toBe(key);
  });

  test('is the same for the same', () => {
    expect(testKey('sha256:a', [{ ...check }], [10], { ...policy })).toBe(key);
  });

  test('has the checks and budgets of the agent and of all runtimes that it stands on', () => {
    const keys = [
      keyOf({}, {}),
      keyOf({ checks: [one] }, {}),
      keyOf({ budget: 11 }, {}),
      keyOf({}, { checks: [one] }),
      keyOf({}, { budget: 2 }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keyOf({ title: 'Another' }, { title: 'Another' })).toBe(keys[0]);
  });
});

test.each([
  [1, 1],
  [2, 2],
  [64, 2],
])('a machine with %i cpus tests on %i, as ai-run’s own policy has it', (cpus, used) => {
  const { limits, network, capabilities, newPrivileges } = smokePolicy(cpus);
  expect([limits.cpus, network.mode, capabilities, newPrivileges]).toEqual([
    used,
    'none',
    [],
    false,
  ]);
});

describe('a container that did not exit by itself', () => {
  test.each<[Ended['end'], object, Partial<Ended>, string[]]>([
    ['out of time', {}, { exitCode: 137 }, ['an end within 30 s']],
    ['out of time', { exit: 137 }, { exitCode: 137 }, ['an end within 30 s']],
    ['broken', {}, { exitCode: 128 }, ['a container that starts']],
    ['broken', { exit: 128 }, { exitCode: 128 }, ['a container that starts']],
    ['out of memory', {}, { exitCode: 137 }, ['an end within the memory limit', 'exit code 0']],
    ['out of memory', {}, {}, ['an end within the memory limit']],
    ['refused', {}, { exitCode: 127 }, ['exit code 0']],
    ['refused', { exit: 127 }, { exitCode: 127 }, []],
    ['exited', {}, {}, []],
  ])('%s, with %j and %j: %j', (end, check, changes, expected) => {
    expect(faults(check, { end, ...changes })).toEqual(expected);
  });

  test('is shown with its end and the engine’s words', () => {
    expect(
      seenText(seen({ end: 'refused', exitCode: 127, error: 'exec: "x":\u001B[2J not found' })),
    ).toBe('exit code 127, refused\nstdout: \nstderr: \nengine: exec: "x": not found');
    expect(seenText(seen({ stdout: 'a\n' }))).toBe('exit code 0\nstdout: a\nstderr: ');
  });

  test.each([
    [400, 'refused'],
    [404, 'refused'],
    [500, 'broken'],
    [503, 'broken'],
  ])('was not started with status %i: %s', (status, expected) => {
    expect(endOfRefusal(status)).toBe(expected);
  });
});
