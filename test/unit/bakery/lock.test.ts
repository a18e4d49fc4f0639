import { describe, expect, test } from 'vitest';
import { catalogue, lockedPlatforms } from '../../../bakery/catalogue/catalogue.rules.ts';
import { inputFiles } from '../../../bakery/catalogue/lock.rules.ts';
import {
  agentFolder,
  baseFolder,
  complaints,
  npmFiles,
  readAgent,
  type Written,
} from '../support.ts';

const missing = (install: Written, files: Record<string, string>) =>
  readAgent(agentFolder({ install }, { files })).lock.missing;

const faults = (files: Record<string, string>, install: Written = { kind: 'npm' }): string[] =>
  complaints([agentFolder({ install }, { files })], [baseFolder]);

const lockOf = (packages: object, changes: object = {}): Record<string, string> => ({
  'package.json': JSON.stringify({ dependencies: { otter: '1.2.3' } }),
  'package-lock.json': JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { dependencies: { otter: '1.2.3' } },
      'node_modules/otter': { version: '1.2.3', integrity: 'sha512-a' },
      ...packages,
    },
    ...changes,
  }),
});

describe('the lock of an npm agent', () => {
  const install = { kind: 'npm', program: 'node_modules/otter-linux-{arch}/bin/otter' };

  test('has the version of its one dependency', () => {
    expect(readAgent().lock).toEqual({ version: '1.2.3', missing: {}, issues: [] });
  });

  test('is missing for every platform where there is no file', () => {
    const reason = 'package.json is missing';
    expect(missing(install, {})).toEqual({ 'linux/amd64': reason, 'linux/arm64': reason });
  });

  test('is missing for every platform where there is no lock file', () => {
    const reason = 'package-lock.json is missing';
    expect(missing(install, { 'package.json': '{}' })).toEqual({
      'linux/amd64': reason,
      'linux/arm64': reason,
    });
  });

  test('is missing for the platform whose package it lacks', () => {
    expect(missing(install, npmFiles('1.2.3', ['x64']))).toEqual({
      'linux/arm64': 'package-lock.json has no node_modules/otter-linux-arm64',
    });
  });

  test('is missing for a platform that lacks a required package deep in the tree', () => {
    const requires = ['node_modules/a/node_modules/@b/c-{arch}/lib/x.node'];
    const packages = { 'node_modules/a/node_modules/@b/c-x64': { version: '1', integrity: 'x' } };
    expect(missing({ kind: 'npm', requires }, lockOf(packages))).toEqual({
      'linux/arm64': 'package-lock.json has no node_modules/a/node_modules/@b/c-arm64',
    });
  });

  test.each<[string, Record<string, string>, string]>([
    [
      'is for another version',
      {
        ...npmFiles('1.2.3'),
        'package.json': JSON.stringify({ dependencies: { otter: '1.2.4' } }),
      },
      'package-lock.json: is for otter 1.2.3, package.json asks for 1.2.4: run `bakery update`',
    ],
    [
      'is for another package',
      { ...npmFiles(), 'package.json': JSON.stringify({ dependencies: { beaver: '1.2.3' } }) },
      'package-lock.json: is for beaver (none), package.json asks for 1.2.3: run `bakery update`',
    ],
    [
      'has an old format',
      lockOf({}, { lockfileVersion: 2 }),
      'package-lock.json: expected a lock of npm with lockfileVersion 3',
    ],
    [
      'is no JSON',
      { ...npmFiles(), 'package-lock.json': '<<<<<<< HEAD' },
      'package-lock.json: expected a lock of npm with lockfileVersion 3',
    ],
    [
      'has an entry without hash',
      lockOf({ 'node_modules/x': { version: '1.0.0' } }),
      'package-lock.json: node_modules/x has no integrity hash',
    ],
  ])('that %s is refused', (_, files, line) => {
    expect(faults(files)).toEqual([`agents/otter/${line}`]);
  });

  test.each([
    ['a caret', { otter: '^1.2.3' }],
    ['a tilde', { otter: '~1.2.3' }],
    ['a wildcard', { otter: '1.x' }],
    ['a major version only', { otter: '1' }],
    ['a choice', { otter: '1.2.3 || 2.0.0' }],
    ['a tag', { otter: 'latest' }],
    ['an address', { otter: 'https://example.com/otter.tgz' }],
    ['two dependencies', { otter: '1.2.3', beaver: '1.0.0' }],
    ['no dependency', {}],
  ])('that stands beside a package.json with %s is refused', (_, dependencies) => {
    const files = {
      'package.json': JSON.stringify({ dependencies }),
      'package-lock.json': JSON.stringify({
        lockfileVersion: 3,
        packages: { '': { dependencies }, 'node_modules/otter': { integrity: 'x' } },
      }),
    };
    expect(faults(files)).toEqual([
      'agents/otter/package.json: expected one dependency with an exact version',
    ]);
  });

  test('may hold packages that came inside another one, whose hash counts', () => {
    expect(faults(lockOf({ 'node_modules/otter/node_modules/x': { inBundle: true } }))).toEqual([]);
  });

  test('may be of a prerelease', () => {
    expect(faults(npmFiles('0.0.1790142911-g7618fb'))).toEqual([]);
  });

  test('that is refused is good for no platform', () => {
    const [agent] = catalogue([agentFolder({}, { files: npmFiles('^1') })], []).catalogue.agents;
    expect(agent && lockedPlatforms(agent)).toEqual([]);
  });
});

const pin = (version: string): string =>
  `otter-chat==${version} \\\n    --hash=sha256:${'a'.repeat(64)}\nwing==2.0 --hash=sha256:${'b'.repeat(64)}\n`;
const both = (amd64: string, arm64: string): Record<string, string> => ({
  'requirements.amd64.txt': amd64,
  'requirements.arm64.txt': arm64,
});

describe('the lock of a PyPI agent', () => {
  const install = { kind: 'pypi', package: 'otter-chat', python: '3.11' };

  test('has the version that both platforms pin', () => {
    const files = both(pin('1.2.3'), `# a comment\n${pin('1.2.3')}`);
    expect(readAgent(agentFolder({ install }, { files })).lock).toEqual({
      version: '1.2.3',
      missing: {},
      issues: [],
    });
  });

  test('is missing for a platform without a file', () => {
    expect(missing(install, { 'requirements.amd64.txt': pin('1.2.3') })).toEqual({
      'linux/arm64': 'requirements.arm64.txt is missing',
    });
  });

  test.each<[string, Record<string, string>, string]>([
    [
      'has an entry without hash',
      both(pin('1.2.3'), `${pin('1.2.3')}feather==1.0\n`),
      'requirements.arm64.txt: feather==1.0 has no hash',
    ],
    [
      'does not have the package',
      both(pin('1.2.3').replace('otter-chat', 'otter'), pin('1.2.3')),
      'requirements.amd64.txt: does not pin otter-chat',
    ],
    [
      'has a range for the package',
      both(pin('1.2.3').replace('==', '>='), pin('1.2.3')),
      'requirements.amd64.txt: does not pin otter-chat',
    ],
    [
      'has different versions',
      both(pin('1.2.3'), pin('1.2.4')),
      'requirements.amd64.txt, requirements.arm64.txt: pin different versions: 1.2.3 and 1.2.4',
    ],
  ])('that %s is refused', (_, files, line) => {
    expect(faults(files, install)).toEqual([`agents/otter/${line}`]);
  });
});

const file = { url: 'https://example.com/otter', sha256: 'a'.repeat(64) };
const download = (files: object): Written => ({
  kind: 'download',
  version: '1.2.3',
  files,
  program: 'otter',
});

describe('the lock of a download agent', () => {
  test('has the version that its agent.yaml names', () => {
    const files = { 'linux/amd64': file, 'linux/arm64': file };
    expect(readAgent(agentFolder({ install: download(files) }, { files: {} })).lock).toEqual({
      version: '1.2.3',
      missing: {},
      issues: [],
    });
  });

  test('is missing for a platform without a hash, or without a file', () => {
    expect(missing(download({ 'linux/amd64': { url: file.url } }), {})).toEqual({
      'linux/amd64': 'no sha256 for https://example.com/otter',
      'linux/arm64': 'agent.yaml names no file for it',
    });
  });
});

describe('the files that a layer is built from', () => {
  test.each([
    [{ kind: 'npm' }, ['package.json', 'package-lock.json']],
    [{ kind: 'pypi', package: 'x', python: '3.11' }, ['requirements.arm64.txt']],
    [{ kind: 'download', version: '1', files: {}, program: 'x' }, []],
  ])('of %j are %j', (install, names) => {
    const [agent] = catalogue([agentFolder({ install })], []).catalogue.agents;
    if (agent === undefined) throw new Error('the agent was not read');
    expect(inputFiles(agent, 'linux/arm64')).toEqual(names);
  });
});
