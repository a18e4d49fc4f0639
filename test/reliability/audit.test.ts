import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { audit } from './audit.ts';

/** The audit finds what is wrong: each thing that a registry may have lost, in one that is sound otherwise. */

const digestOf = (text: string): string =>
  `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** The registry's content, by path below the repository. */
let content: Map<string, string>;
const server = createServer(({ url = '', method }, response) => {
  const path = url.replace('/v2/ai/image/', '');
  const tags = [...content.keys()].flatMap((each) => /^manifests\/([^:]+)$/.exec(each)?.[1] ?? []);
  const body = path === 'tags/list' ? JSON.stringify({ tags }) : content.get(path);
  if (body === undefined) response.writeHead(404).end();
  else if (method === 'HEAD') response.writeHead(200, { 'content-length': body.length }).end();
  else response.end(body);
});
let host = '';
beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const put = (kind: 'blobs' | 'manifests', text: string) => {
  const digest = digestOf(text);
  content.set(`${kind}/${digest}`, text);
  return { digest, size: text.length };
};
const putImage = (architecture: string) => {
  const config = put('blobs', JSON.stringify({ architecture }));
  const layers = [put('blobs', `layer ${architecture}`)];
  const manifest = put('manifests', JSON.stringify({ config, layers }));
  return { ...manifest, platform: { os: 'linux', architecture } };
};
const indexOf = (architectures: readonly string[], version = '1.0.0'): string =>
  JSON.stringify({
    manifests: architectures.map(putImage),
    annotations: { 'org.opencontainers.image.version': version },
  });
const tag = (name: string, text: string): void => {
  content.set(`manifests/${name}`, text);
};
const tested = (architecture: string): string => `tested-0123456789ab-${architecture}`;
const both = ['amd64', 'arm64'];

beforeEach(() => {
  content = new Map();
  const index = indexOf(both);
  for (const name of ['1.0.0-base', 'base', 'latest', ...both.map(tested)]) tag(name, index);
  tag('stg-0123456789ab', indexOf(['amd64']));
});

test('finds nothing wrong where nothing is; tags of publishing itself are not looked at', async () => {
  const found = await audit(host, ['ai/image'], new Set());
  expect(found.wrong).toEqual([]);
  expect([...found.tags.keys()]).toEqual(
    ['1.0.0-base', 'base', 'latest'].map((name) => `ai/image:${name}`),
  );
});

const layer = `blobs/${digestOf('layer arm64')}`;
const config = `blobs/${digestOf('{"architecture":"amd64"}')}`;

test.each<[string, () => void, RegExp]>([
  ['a layer is gone', () => content.delete(layer), /: not there/],
  ['a configuration is gone', () => content.delete(config), /: not there/],
  ['a layer has other bytes', () => content.set(layer, 'LAYER ARM64'), /: 11 bytes, sha256:/],
  ['a layer is cut', () => content.set(layer, 'layer'), /: 5 bytes, sha256:/],
  [
    'a manifest is gone',
    () => content.delete(`manifests/${putImage('arm64').digest}`),
    /: not there/,
  ],
  [
    'a test is gone',
    () => content.delete(`manifests/${tested('arm64')}`),
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
  expect((await audit(host, ['ai/image'], new Set())).wrong.join('\n')).toMatch(wrong);
});

test('what was hashed before is asked for all the same', async () => {
  const known = new Set<string>();
  await audit(host, ['ai/image'], known);
  content.delete(layer);
  const { wrong } = await audit(host, ['ai/image'], known);
  expect(wrong.join('\n')).toMatch(/: not there any more/);
});
