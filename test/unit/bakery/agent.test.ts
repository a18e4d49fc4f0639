import { describe, expect, test } from 'vitest';
import {
  agentFolder,
  baseFolder,
  complaints,
  npmFiles,
  readAgent,
  type Written,
} from '../support.ts';

const check = (changes: Written): Written => ({
  checks: [{ name: 'version', run: ['otter', '--version'], ...changes }],
});
const npm = (changes: Written): Written => ({ install: { kind: 'npm', ...changes } });
const download = (changes: Written): Written => ({
  install: { kind: 'download', version: '1', files: {}, program: 'otter', ...changes },
});

const treePath = 'expected a relative path without "..": letters, digits, @._+-* and {arch}';
const homePath =
  'expected a path below the home, like ".config/tool": relative, without "..", letters, digits and ._-';
const host =
  'expected a host name like "api.example.com": lower case, no scheme, port, wildcard or address';
const command = 'expected a command name like "claude"';
const text = 'invalid input: expected string, received';

/** One mistake, and the one line that tells of it. */
const mistakes: readonly [string, Written, string][] = [
  ['a key nobody knows', { verison: 1 }, 'verison: is not a known key'],
  [
    'an unknown key of the installation',
    npm({ programme: 'x' }),
    'install.programme: is not a known key',
  ],
  ['an unknown key of a check', check({ stdot: 'x' }), 'checks[0].stdot: is not a known key'],
  [
    'a contract that asks for capabilities',
    { contract: { capabilities: ['ALL'] } },
    'contract.capabilities: is not a known key',
  ],
  [
    'a contract that asks for mounts',
    { contract: { mounts: ['/etc'] } },
    'contract.mounts: is not a known key',
  ],
  ['a number for its title', { title: 1 }, `title: ${text} number`],
  ['an empty title', { title: '' }, 'title: expected one line of text'],
  ['a homepage without scheme', { homepage: 'example.com' }, 'homepage: invalid URL'],
  ['no license', { license: undefined }, `license: ${text} undefined`],
  [
    'no contract',
    { contract: undefined },
    'contract: invalid input: expected object, received undefined',
  ],
  [
    'no budget',
    { budget: undefined },
    'budget: invalid input: expected number, received undefined',
  ],
  ['a budget of nothing', { budget: 0 }, 'budget: too small: expected number to be >0'],
  [
    'a budget in words',
    { budget: '10 MB' },
    'budget: invalid input: expected number, received string',
  ],
  ['a command with a slash', { command: '../otter' }, `command: ${command}`],
  ['a command with a space', { command: 'otter --yes' }, `command: ${command}`],
  ['a command with shell syntax', { command: '$(id)' }, `command: ${command}`],
  ['a command that is an option', { command: '-otter' }, `command: ${command}`],
  [
    'an unknown kind of installation',
    { install: { kind: 'rpm' } },
    "install.kind: invalid discriminator value. Expected 'npm' | 'pypi' | 'download'",
  ],
  ['a program above its tree', npm({ program: '../x' }), `install.program: ${treePath}`],
  ['a program of the system', npm({ program: '/etc' }), `install.program: ${treePath}`],
  ['a program that goes up on its way', npm({ program: 'a/../b' }), `install.program: ${treePath}`],
  ['a program with shell syntax', npm({ program: 'a/$(id)' }), `install.program: ${treePath}`],
  ['a program with a quote', npm({ program: 'a"b' }), `install.program: ${treePath}`],
  ['a program with a space', npm({ program: 'a b' }), `install.program: ${treePath}`],
  ['a program with a line break', npm({ program: 'a\nb' }), `install.program: ${treePath}`],
  ['a pruned path above its tree', npm({ prune: ['x', '../x'] }), `install.prune[1]: ${treePath}`],
  [
    'a program of the system',
    npm({ executable: ['/bin/sh'] }),
    `install.executable[0]: ${treePath}`,
  ],
  ['a pruned path of the system', npm({ prune: ['/etc'] }), `install.prune[0]: ${treePath}`],
  [
    'a pruned path that goes up at its end',
    npm({ prune: ['a/..'] }),
    `install.prune[0]: ${treePath}`,
  ],
  [
    'a required path above its tree',
    npm({ requires: ['../x'] }),
    `install.requires[0]: ${treePath}`,
  ],
  [
    'no program of a download',
    download({ program: undefined }),
    `install.program: ${text} undefined`,
  ],
  [
    'a download of another platform',
    download({ files: { 'linux/386': { url: 'https://x.y' } } }),
    'install.files.linux/386: is not a known key',
  ],
  [
    'a download without encryption or network',
    download({ files: { 'linux/amd64': { url: 'file:///etc' } } }),
    'install.files.linux/amd64.url: invalid URL',
  ],
  [
    'a hash that is too short',
    download({ files: { 'linux/amd64': { url: 'https://x.y', sha256: 'abc' } } }),
    'install.files.linux/amd64.sha256: invalid string: must match pattern /^[0-9a-f]{64}$/',
  ],
  [
    'a version with a slash',
    download({ version: '../1' }),
    'install.version: invalid string: must match pattern /^[A-Za-z0-9][A-Za-z0-9._+-]*$/',
  ],
  [
    'a Python that is a number',
    { install: { kind: 'pypi', package: 'x', python: 3.11 } },
    `install.python: ${text} number`,
  ],
  [
    'a package that is an option',
    { install: { kind: 'pypi', package: '-x', python: '3.11' } },
    'install.package: invalid string: must match pattern /^[a-z0-9]+(?:-[a-z0-9]+)*$/',
  ],
  [
    'an unknown platform',
    { platforms: ['linux/386'] },
    'platforms[0]: invalid option: expected one of "linux/amd64"|"linux/arm64"',
  ],
  ['no platform', { platforms: [] }, 'platforms: too small: expected array to have >=1 items'],
  ['a variable in lower case', { env: { lower: 'x' } }, 'env.lower: invalid key in record'],
  ['a variable that is a number', { env: { A: 1 } }, `env.A: ${text} number`],
  [
    'a variable that expands another',
    { env: { A: '$PATH' } },
    'env.A: expected one line without quotes, $ or backslash',
  ],
  [
    'a variable of two lines',
    { env: { A: 'a\nb' } },
    'env.A: expected one line without quotes, $ or backslash',
  ],
  ['state above the home', { contract: { state: ['../x'] } }, `contract.state[0]: ${homePath}`],
  [
    'state of the system',
    { contract: { state: ['.x', '/etc'] } },
    `contract.state[1]: ${homePath}`,
  ],
  [
    'state that goes up on its way',
    { contract: { state: ['a/../b'] } },
    `contract.state[0]: ${homePath}`,
  ],
  ['a cache of the system', { contract: { cache: ['/var'] } }, `contract.cache[0]: ${homePath}`],
  [
    'configuration above the project',
    { contract: { projectConfig: ['../x'] } },
    `contract.projectConfig[0]: ${homePath}`,
  ],
  ['a host with a scheme', { contract: { hosts: ['https://x.y'] } }, `contract.hosts[0]: ${host}`],
  ['a host with a wildcard', { contract: { hosts: ['*.x.y'] } }, `contract.hosts[0]: ${host}`],
  [
    'a credential without a variable',
    { contract: { credentials: [{ host: 'api.example.com' }] } },
    `contract.credentials[0].env: ${text} undefined`,
  ],
  ['no checks', { checks: [] }, 'checks: too small: expected array to have >=1 items'],
  [
    'a check that runs nothing',
    check({ run: [] }),
    'checks[0].run: too small: expected array to have >=1 items',
  ],
  [
    'a check that runs a line',
    check({ run: 'otter --version' }),
    'checks[0].run: invalid input: expected array, received string',
  ],
  [
    'a check with a broken pattern',
    check({ stdout: '(' }),
    'checks[0].stdout: expected a regular expression',
  ],
  [
    'a check with a broken pattern for errors',
    check({ stderr: '[z-a]' }),
    'checks[0].stderr: expected a regular expression',
  ],
  [
    'a check with an impossible exit code',
    check({ exit: 256 }),
    'checks[0].exit: too big: expected number to be <=255',
  ],
  [
    'a check that takes too long',
    check({ timeout: 601 }),
    'checks[0].timeout: too big: expected number to be <=600',
  ],
];

describe('an agent', () => {
  test('is in order as the other tests change it', () => {
    expect(complaints([agentFolder()], [baseFolder])).toEqual([]);
  });

  test.each(mistakes)('with %s is refused in one line', (_, changes, line) => {
    expect(complaints([agentFolder(changes)], [baseFolder])).toEqual([
      `agents/otter/agent.yaml: ${line}`,
    ]);
  });

  test.each(['../otter', 'Otter', 'my otter', '$(id)', 'otter-', '-otter', 'a..b', 'a/b', 'ötter'])(
    'in the folder %j is refused',
    (name) => {
      expect(complaints([agentFolder({}, { name })], [baseFolder])).toEqual([
        `agents/${name}/agent.yaml: the folder's name ${JSON.stringify(name)} must be lower-case letters, digits and single . _ -`,
      ]);
    },
  );

  test('cannot have the name of the images without an agent', () => {
    expect(complaints([agentFolder({}, { name: 'base' })], [baseFolder])).toEqual([
      'agents/base/agent.yaml: "base" is the name of images without an agent',
    ]);
  });

  test('has a title of one line, because its Dockerfile names it in a comment', () => {
    expect(complaints([agentFolder({ title: 'Otter\nRUN id' })], [baseFolder])).toHaveLength(1);
  });

  test('is refused with all its mistakes at once', () => {
    const folder = agentFolder({
      title: 1,
      budget: -1,
      extra: 1,
      ...check({ stdout: '(' }),
      ...npm({ program: '/x', requires: ['..'] }),
    });
    expect(complaints([folder], [baseFolder])).toEqual([
      `agents/otter/agent.yaml: title: ${text} number`,
      `agents/otter/agent.yaml: install.program: ${treePath}`,
      `agents/otter/agent.yaml: install.requires[0]: ${treePath}`,
      'agents/otter/agent.yaml: checks[0].stdout: expected a regular expression',
      'agents/otter/agent.yaml: budget: too small: expected number to be >0',
      'agents/otter/agent.yaml: extra: is not a known key',
    ]);
  });

  test('may leave out all that has a default', () => {
    expect(readAgent()).toMatchObject({
      platforms: ['linux/amd64', 'linux/arm64'],
      env: {},
      install: { requires: [], prune: [], executable: [] },
      checks: [{ exit: 0, timeout: 60 }],
      contract: { credentials: [], state: [], cache: [], projectConfig: [], hosts: [] },
    });
  });

  test('may use {version} in a pattern, and {arch} in a path', () => {
    const folder = agentFolder({
      ...check({ stdout: '^v{version}$' }),
      ...npm({ prune: ['node_modules/*/prebuilds/linux-{otherArch}'] }),
    });
    expect(complaints([folder], [baseFolder])).toEqual([]);
  });
});

describe('names that are given twice', () => {
  const twice = [
    { name: 'version', run: ['otter'] },
    { name: 'help', run: ['otter'] },
    { name: 'version', run: ['otter'] },
  ];

  test('are refused among the checks of an agent', () => {
    expect(complaints([agentFolder({ checks: twice })], [baseFolder])).toEqual([
      'agents/otter/agent.yaml: checks: two checks are named "version"',
    ]);
  });

  test('are refused for commands', () => {
    const second = agentFolder({}, { name: 'second', files: npmFiles() });
    expect(complaints([agentFolder(), second], [baseFolder])).toEqual([
      'agents/second/agent.yaml: command: "otter" is already the command of agents/otter',
    ]);
  });

  test('are refused for commands of every agent but the first', () => {
    const others = ['second', 'third'].map((name) => agentFolder({}, { name }));
    expect(complaints([agentFolder(), ...others], [baseFolder])).toEqual([
      'agents/second/agent.yaml: command: "otter" is already the command of agents/otter',
      'agents/third/agent.yaml: command: "otter" is already the command of agents/otter',
    ]);
  });
});
