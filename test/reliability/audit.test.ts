import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { serveTestRegistry, type TestRegistry } from '../support/registry.ts';
import { digestOf, type Store } from '../support/registry-store.ts';
import { audit } from './audit.ts';

/** The audit finds each thing that a registry may have lost, in one that is sound otherwise. */

let registry: TestRegistry;
let store: Store;
let host = '';
beforeAll(async () => {
  registry = await serveTestRegistry();
  ({ host, store } = registry);
});
afterAll(() => registry.close());

const repository = 'ai/image';
const putImage = (architecture: string) => {
  const config = store.putBlob(repository, JSON.stringify({ architecture }));
  const layers = [store.putBlob(repository, `layer ${architecture}`)];
  const manifest = store.putManifest(repository, { config, layers });
  return { ...manifest, platform: { os: 'linux', architecture } };
};
const indexOf = (architectures: readonly string[], version = '1.0.0'): string =>
  JSON.stringify({
    manifests: architectures.map(putImage),
    annotations: { 'org.opencontainers.image.version': version },
  });
const tag = (name: string, text: string): void => {
  store.putManifest(repository, text, name);
};
const tested = (architecture: string): string => `tested-0123456789ab-${architecture}`;
const both = ['amd64', 'arm64'];

beforeEach(() => {
  for (const content of [store.blobs, store.manifests, store.tags]) content.clear();
  const index = indexOf(both);
  for (const name of ['1.0.0-base', 'base', 'latest', ...both.map(tested)]) tag(name, index);
  tag('stg-0123456789ab', indexOf(['amd64']));
});

test('finds nothing wrong where nothing is; tags of publishing itself are not looked at', async () => {
  const found = await audit(host, [repository], new Set());
  expect(found.wrong).toEqual([]);
  expect([...found.tags.keys()]).toEqual(
    ['1.0.0-base', 'base', 'latest'].map((name) => `ai/image:${name}`),
  );
});

const layer = `${repository}@${digestOf('layer arm64')}`;
const config = `${repository}@${digestOf('{"architecture":"amd64"}')}`;

test.each<[string, () => void, RegExp]>([
  ['a layer is gone', () => store.blobs.delete(layer), /: not there/],
  ['a configuration is gone', () => store.blobs.delete(config), /: not there/],
  [
    'a layer has other bytes',
    () => store.blobs.set(layer, Buffer.from('LAYER ARM64')),
    /: 11 bytes, sha256:/,
  ],
  ['a layer is cut', () => store.blobs.set(layer, Buffer.from('layer')), /: 5 bytes, sha256:/],
  [
    'a manifest is gone',
    () => store.manifests.delete(`${repository}@${putImage('arm64').digest}`),
    /: not there/,
  ],
  [
    'a test is gone',
    () => store.tags.delete(`${repository}:${tested('arm64')}`),
    /base: no test of arm64/,
  ],
  [
    'another index was tested',
    () => tag(tested('amd64'), indexOf(both, '2.0.0')),
    /latest: no test of amd64/,
  ],
  ['a platform is gone', () => tag('base', indexOf(['amd64'])), /base: nothing for arm64/],
  [
    'a fixed tag has another version',
    () => tag('1.0.0-base', indexOf(both, '2.0.0')),
    /1\.0\.0-base: an index of version 2\.0\.0/,
  ],
])('%s', async (_, spoil, wrong) => {
  spoil();
  expect((await audit(host, [repository], new Set())).wrong.join('\n')).toMatch(wrong);
});

test('what was hashed before is asked for all the same', async () => {
  const known = new Set<string>();
  await audit(host, [repository], known);
  store.blobs.delete(layer);
  const { wrong } = await audit(host, [repository], known);
  expect(wrong.join('\n')).toMatch(/: not there any more/);
});
