import { describe, expect, test } from 'vitest';
import { pickPlatforms, select, type Selection } from '../../../bakery/plan/matrix.rules.ts';
import { agentFolder, baseFolder, goFolder, npmFiles, readCatalogue } from '../support.ts';

const everything: Selection = { agents: [], runtimes: [], platforms: [] };

const definitions = readCatalogue(
  [
    agentFolder(),
    agentFolder({ command: 'half' }, { name: 'half', files: npmFiles('1.2.3', ['arm64']) }),
    agentFolder(
      { command: 'intel', title: 'Intel', platforms: ['linux/amd64'] },
      { name: 'intel' },
    ),
    agentFolder({ command: 'none' }, { name: 'none', files: {} }),
  ],
  [baseFolder, goFolder],
);

const cells = (selection: Partial<Selection>): string[] =>
  select(definitions, { ...everything, ...selection }).cells.map(
    ({ agent, runtime, platforms }) => `${agent.name}:${runtime.name} ${platforms.join(' ')}`,
  );

const both = 'linux/amd64 linux/arm64';

describe('a selection', () => {
  test.each<[string, Partial<Selection>, string[]]>([
    [
      'of nothing is everything that is locked',
      {},
      [
        `otter:base ${both}`,
        `otter:go ${both}`,
        'half:base linux/arm64',
        'half:go linux/arm64',
        'intel:base linux/amd64',
        'intel:go linux/amd64',
      ],
    ],
    ['of an agent', { agents: ['otter'] }, [`otter:base ${both}`, `otter:go ${both}`]],
    ['of a runtime', { agents: ['otter'], runtimes: ['go'] }, [`otter:go ${both}`]],
    [
      'of a platform',
      { runtimes: ['go'], platforms: ['linux/arm64'] },
      ['otter:go linux/arm64', 'half:go linux/arm64'],
    ],
    [
      'in another order keeps the catalogue’s',
      {
        agents: ['half', 'otter'],
        runtimes: ['go', 'base'],
        platforms: ['linux/arm64', 'linux/amd64'],
      },
      [`otter:base ${both}`, `otter:go ${both}`, 'half:base linux/arm64', 'half:go linux/arm64'],
    ],
    ['of an agent that is not locked is empty', { agents: ['none'] }, []],
  ])('%s', (_, selection, expected) => {
    expect(cells(selection)).toEqual(expected);
  });

  test('says what it leaves out, and why', () => {
    expect(select(definitions, everything).leftOut).toEqual([
      {
        agent: 'half',
        platform: 'linux/amd64',
        reason: 'package-lock.json has no node_modules/otter-linux-x64',
      },
      { agent: 'intel', platform: 'linux/arm64', reason: 'Intel does not exist for it' },
      { agent: 'none', platform: 'linux/amd64', reason: 'package.json is missing' },
      { agent: 'none', platform: 'linux/arm64', reason: 'package.json is missing' },
    ]);
  });

  test('leaves out nothing on platforms that were not asked for', () => {
    const selection = { ...everything, agents: ['half'], platforms: ['linux/arm64'] };
    expect(select(definitions, selection).leftOut).toEqual([]);
  });

  test.each<[Partial<Selection>, string, string]>([
    [
      { agents: ['otter', 'oter'] },
      'unknown agent "oter"',
      'expected one of otter, half, intel, none',
    ],
    [{ runtimes: ['rust'] }, 'unknown runtime "rust"', 'expected one of base, go'],
    [
      { platforms: ['linux/386'] },
      'unknown platform "linux/386"',
      'expected one of linux/amd64, linux/arm64',
    ],
    [{ agents: [''] }, 'unknown agent ""', 'expected one of otter, half, intel, none'],
  ])('of %j is refused with the names there are', (selection, message, hint) => {
    expect(() => cells(selection)).toThrow(
      expect.objectContaining({ code: 'E_UNKNOWN', message, hint }),
    );
  });
});

test('platforms come in one order, each once', () => {
  expect(pickPlatforms(['linux/arm64', 'linux/amd64', 'linux/arm64'])).toEqual([
    'linux/amd64',
    'linux/arm64',
  ]);
});
