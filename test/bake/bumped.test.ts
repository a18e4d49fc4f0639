import { afterAll, beforeAll, expect, test } from 'vitest';
import { emulation } from '../e2e/emulation.ts';
import { nonce } from '../e2e/support.ts';
import { type Entry, type FaultProxy, openFaultProxy } from '../reliability/fault-proxy.ts';
import { removeLeftovers } from '../reliability/leftovers.ts';
import { publishOnce } from '../reliability/publication.ts';
import { isWrite } from '../reliability/request.ts';
import { makeSmallCatalogue, type SmallCatalogue } from '../reliability/small-catalogue.ts';
import { type Registry, serveRegistry } from './registry.ts';

/** What changes is uploaded, and nothing else: bytes counted between the bakery and the registry. */

const word = nonce();
const [one, two] = [`e2e-${word}-one`, `e2e-${word}-two`] as const;
const repositoryOf = (agent: string): string => `ai/ai-${agent}`;

let registry: Registry;
let proxy: FaultProxy;
let catalogue: SmallCatalogue;

beforeAll(async () => {
  await emulation.on();
  registry = await serveRegistry();
  proxy = await openFaultProxy(registry.host);
  catalogue = await makeSmallCatalogue([one, two], registry.host);
});
afterAll(async () => {
  await catalogue.close();
  await removeLeftovers([one, two]);
  await proxy.close();
  await registry.close();
});

/** Sizes of what a tag needs, by digest: manifests, configurations, layers. */
type Content = {
  readonly manifests: ReadonlyMap<string, number>;
  readonly configs: ReadonlyMap<string, number>;
  readonly layers: ReadonlyMap<string, number>;
};
type Descriptor = { readonly digest: string; readonly size: number };

const contentOf = async (agent: string, tags: readonly string[]): Promise<Content> => {
  const manifests = new Map<string, number>();
  const configs = new Map<string, number>();
  const layers = new Map<string, number>();
  const read = async (reference: string): Promise<Record<string, unknown>> => {
    const url = `http://${registry.host}/v2/${repositoryOf(agent)}/manifests/${reference}`;
    const accept =
      'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
    const answer = await fetch(url, { headers: { accept } });
    const body = Buffer.from(await answer.arrayBuffer());
    manifests.set(answer.headers.get('docker-content-digest') ?? '', body.length);
    return JSON.parse(body.toString()) as Record<string, unknown>;
  };
  for (const tag of tags) {
    for (const child of (await read(tag))['manifests'] as Descriptor[]) {
      const manifest = await read(child.digest);
      const config = manifest['config'] as Descriptor;
      configs.set(config.digest, config.size);
      for (const { digest, size } of manifest['layers'] as Descriptor[]) layers.set(digest, size);
    }
  }
  return { manifests, configs, layers };
};

const added = (
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Map<string, number> => new Map([...after].filter(([digest]) => !before.has(digest)));
const total = (sizes: ReadonlyMap<string, number>): number =>
  [...sizes.values()].reduce((sum, size) => sum + size, 0);

/** Digests of the blobs that a publication has sent. */
const uploaded = (entries: readonly Entry[]): string[] =>
  entries
    .filter(({ about, method, status }) => about === 'upload' && method === 'PUT' && status === 201)
    .map(({ reference }) => reference);
const sentFor = (entries: readonly Entry[], about: Entry['about']): number =>
  entries.filter((each) => each.about === about).reduce((sum, { sent }) => sum + sent, 0);

const publish = async (): Promise<readonly Entry[]> => {
  proxy.forget();
  const { code, stderr } = await publishOnce(catalogue.root, `${proxy.address}/ai`, proxy);
  expect(code, stderr).toBe(0);
  return proxy.log();
};

const both = ['base', 'mini'];

test('one agent bumped: its own layers, configurations and manifests, and no byte for anything else', async () => {
  const first = await publish();
  const before = await contentOf(one, both);
  // The control: the first time, everything was sent, and what images share once.
  const all = uploaded(first);
  expect(new Set(all)).toEqual(
    new Set([
      ...before.layers.keys(),
      ...before.configs.keys(),
      ...(await contentOf(two, both)).layers.keys(),
      ...(await contentOf(two, both)).configs.keys(),
    ]),
  );
  expect(all.length).toBe(new Set(all).size);

  await catalogue.setAgent(one, '1.1.0');
  const entries = await publish();
  const after = await contentOf(one, both);
  const layers = added(before.layers, after.layers);
  const configs = added(before.configs, after.configs);
  const manifests = added(before.manifests, after.manifests);
  // One for each platform, whatever the number of runtimes; and a configuration and a manifest for each image of a platform.
  expect([layers.size, configs.size, manifests.size]).toEqual([2, 4, 4 + 2]);
  expect(uploaded(entries).toSorted()).toEqual([...layers.keys(), ...configs.keys()].toSorted());
  expect(sentFor(entries, 'upload')).toBe(total(layers) + total(configs));
  // Each index is put under its staging tag, its test on each platform, and its public tags: at most six times.
  expect(sentFor(entries, 'manifest')).toBeLessThanOrEqual(6 * total(manifests));
  expect(new Set(entries.filter(isWrite).map(({ repository }) => repository))).toEqual(
    new Set([repositoryOf(one)]),
  );
});

test('the runtime bumped: its own layer, sent once for all agents', async () => {
  const before = await contentOf(one, both);
  await catalogue.setRuntime(`${word}again`);
  const entries = await publish();
  const after = await contentOf(one, both);
  const layers = added(before.layers, after.layers);
  expect(layers.size).toBeGreaterThan(0);
  for (const digest of layers.keys())
    expect(uploaded(entries).filter((each) => each === digest)).toHaveLength(1);
  expect([...(await contentOf(two, both)).layers.keys()]).toEqual(
    expect.arrayContaining([...layers.keys()]),
  );
  expect(sentFor(entries, 'upload')).toBeGreaterThanOrEqual(total(layers));
});
