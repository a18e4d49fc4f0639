import { describe, expect, test } from 'vitest';
import {
  best,
  candidates,
  skippedFor,
  type Trial,
} from '../../../bakery/update/candidates.rules.ts';

describe('the versions to try', () => {
  test.each<[string, string[], string, string | undefined, string[]]>([
    ['newest first', ['1.9.0', '1.10.0', '1.2.0'], '1.10.0', '1.2.0', ['1.10.0', '1.9.0', '1.2.0']],
    [
      'none below the present one',
      ['1.0.0', '1.1.0', '1.2.0'],
      '1.2.0',
      '1.1.0',
      ['1.2.0', '1.1.0'],
    ],
    ['none above the latest', ['1.0.0', '1.1.0', '2.0.0'], '1.1.0', undefined, ['1.1.0', '1.0.0']],
    ['no prereleases', ['1.0.0', '1.1.0-rc.1', '1.1.0'], '1.1.0', '1.0.0', ['1.1.0', '1.0.0']],
    [
      'prereleases where the latest is one',
      ['1.0.0', '1.1.0-rc.1', '1.1.0-rc.2'],
      '1.1.0-rc.2',
      '1.1.0-rc.1',
      ['1.1.0-rc.2', '1.1.0-rc.1'],
    ],
    [
      'prereleases where there is nothing else',
      ['1.1.0-rc.1', '1.1.0-rc.2'],
      '1.1.0',
      undefined,
      ['1.1.0-rc.2', '1.1.0-rc.1'],
    ],
    ['none where the latest went back', ['1.0.0', '1.1.0'], '1.0.0', '1.1.0', []],
  ])('are %s', (_, versions, latest, present, expected) => {
    expect(candidates(versions, latest, present)).toEqual(expected);
  });
});

const trial = (version: string, missing: Trial<string>['missing'] = {}): Trial<string> => ({
  version,
  missing,
  value: `lock of ${version}`,
});
const half = { 'linux/arm64': 'no wheel' };
const nothing = { 'linux/amd64': 'no wheel', 'linux/arm64': 'no wheel' };

describe('the best of several trials', () => {
  test.each<[string, Trial<string>[], string | undefined]>([
    ['the newest where all are complete', [trial('3'), trial('2')], '3'],
    ['the first complete one', [trial('3', half), trial('2'), trial('1')], '2'],
    [
      'the newest of those that lack the least',
      [trial('3', nothing), trial('2', half), trial('1', half)],
      '2',
    ],
    ['nothing where nothing was tried', [], undefined],
  ])('is %s', (_, trials, expected) => {
    expect(best(trials)?.version).toBe(expected);
  });

  test('leaves its elder ones in order', () => {
    const trials = [trial('2', half), trial('1')];
    best(trials);
    expect(trials.map(({ version }) => version)).toEqual(['2', '1']);
  });
});

describe('what was skipped for the best trial', () => {
  test('is all that is newer, with the reasons of every platform', () => {
    const taken = trial('1');
    expect(
      skippedFor([trial('3', nothing), trial('2', half), taken, trial('0', half)], taken),
    ).toEqual([
      { version: '3', reason: 'linux/amd64: no wheel; linux/arm64: no wheel' },
      { version: '2', reason: 'linux/arm64: no wheel' },
    ]);
  });

  test('is nothing where the newest is taken', () => {
    const taken = trial('3');
    expect(skippedFor([taken, trial('2')], taken)).toEqual([]);
  });
});
