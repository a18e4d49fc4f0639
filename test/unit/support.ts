import { join } from 'node:path';
import {
  type Agent,
  type Catalogue,
  catalogue,
  type Folder,
  formatIssue,
  lockIssues,
} from '../../bakery/catalogue/catalogue.rules.ts';

/** Definitions as they would be read from disk, made in memory: each test changes the one thing it is about. */

export const fixtures = join(import.meta.dirname, '..', 'fixtures');

export type Written = Record<string, unknown>;

export const digest = (character: string): `sha256:${string}` => `sha256:${character.repeat(64)}`;

/** The version that the lock of the npm agent below holds, and its tree: one package per platform. */
export const npmFiles = (
  version = '1.2.3',
  architectures: readonly string[] = ['x64', 'arm64'],
): Record<string, string> => ({
  'package.json': JSON.stringify({ dependencies: { otter: version } }),
  'package-lock.json': JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { dependencies: { otter: version } },
      'node_modules/otter': { version, integrity: 'sha512-a' },
      ...Object.fromEntries(
        architectures.map((name) => [
          `node_modules/otter-linux-${name}`,
          { version, integrity: `sha512-${name}` },
        ]),
      ),
    },
  }),
});

const writtenAgent = (changes: Written = {}): Written => ({
  title: 'Otter',
  homepage: 'https://example.com/otter',
  license: 'MIT',
  command: 'otter',
  install: { kind: 'npm', program: 'node_modules/otter-linux-{arch}/bin/otter' },
  contract: {},
  checks: [{ name: 'version', run: ['otter', '--version'] }],
  budget: 10,
  ...changes,
});

export const agentFolder = (
  changes: Written = {},
  { name = 'otter', files = npmFiles() }: { name?: string; files?: Record<string, string> } = {},
): Folder => ({ name, yaml: { value: writtenAgent(changes) }, files });

export const runtimeFolder = (
  name: string,
  changes: Written,
  template = 'FROM --platform=$BUILDPLATFORM {{upstream from}} AS {{stage}}\n',
): Folder => ({
  name,
  yaml: { value: { title: name, budget: 1, ...changes } },
  files: { 'Dockerfile.hbs': template },
});

export const baseFolder = runtimeFolder('base', { from: 'docker.io/library/debian:13' });
export const goFolder = runtimeFolder('go', { extends: 'base' });

/** Every line that a user would see about these folders, locks included. */
export const complaints = (agents: readonly Folder[], runtimes: readonly Folder[]): string[] => {
  const read = catalogue(agents, runtimes);
  return [...read.issues, ...lockIssues(read.catalogue)].map(formatIssue);
};

/** The catalogue of these folders, which must be in order. */
export const readCatalogue = (
  agents: readonly Folder[],
  runtimes: readonly Folder[] = [baseFolder],
): Catalogue => {
  const wrong = complaints(agents, runtimes);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return catalogue(agents, runtimes).catalogue;
};

export const readAgent = (folder: Folder = agentFolder()): Agent => {
  const [agent] = readCatalogue([folder]).agents;
  if (agent === undefined) throw new Error(`${folder.name} was not read`);
  return agent;
};
