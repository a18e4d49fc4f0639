import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { emulation } from '../support/emulation.ts';
import { nonce } from '../e2e/support.ts';
import type { Entry } from '../reliability/fault-proxy.ts';
import { publishOnce } from '../reliability/publication.ts';
import { isWrite } from '../reliability/request.ts';
import { openRig, type Rig } from '../reliability/rig.ts';

/** Only changed content is uploaded, by the bytes counted between the bakery and the registry. */

const word = nonce();
const [one, two] = [`e2e-${word}-one`, `e2e-${word}-two`] as const;
const repositoryOf = (agent: string): string => `ai/ai-${agent}`;

let rig: Rig;

beforeAll(async () => {
  await emulation.on();
  rig = await openRig([one, two]);
});
afterAll(() => rig.close());

/** Sizes of what tags need, by digest. */
type Content = {
  readonly manifests: ReadonlyMap<string, number>;
  /** Layers, configurations, and everything else that is not a manifest. */
  readonly blobs: ReadonlyMap<string, number>;
};
type Descriptor = { readonly digest: string; readonly size: number; readonly mediaType: string };
type Body = { readonly [list in 'manifests' | 'layers']?: readonly Descriptor[] } & {
  readonly config?: Descriptor;
};

const get = async (path: string): Promise<Buffer> => {
  const accept =
    'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
  const answer = await fetch(`http://${rig.registry.host}/v2/${path}`, { headers: { accept } });
  expect(answer.status, path).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
};

const contentOf = async (agent: string, tags: readonly string[]): Promise<Content> => {
  const manifests = new Map<string, number>();
  const blobs = new Map<string, number>();
  const read = async (reference: string): Promise<void> => {
    const text = await get(`${repositoryOf(agent)}/manifests/${reference}`);
    manifests.set(`sha256:${createHash('sha256').update(text).digest('hex')}`, text.length);
    const body = JSON.parse(text.toString()) as Body;
    const { config, layers = [] } = body;
    for (const { digest, size } of config === undefined ? layers : [config, ...layers])
      blobs.set(digest, size);
    for (const { digest, size, mediaType } of body.manifests ?? []) {
      if (mediaType.endsWith('manifest.v1+json')) await read(digest);
      else blobs.set(digest, size);
    }
  };
  for (const tag of tags) await read(tag);
  return { manifests, blobs };
};

/** Of everything that an agent's repository has. */
const allOf = async (agent: string): Promise<Content> => {
  const { tags } = JSON.parse((await get(`${repositoryOf(agent)}/tags/list`)).toString()) as {
    tags: readonly string[];
  };
  return contentOf(agent, tags);
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
  rig.proxy.forget();
  const { code, stderr } = await publishOnce(
    rig.catalogue.root,
    `${rig.proxy.address}/ai`,
    rig.proxy,
  );
  expect(code, stderr).toBe(0);
  return rig.proxy.log();
};

const both = ['base', 'mini'];

test('the first time, everything is sent', async () => {
  const sent = uploaded(await publish());
  for (const agent of [one, two])
    expect(sent).toEqual(expect.arrayContaining([...(await contentOf(agent, both)).blobs.keys()]));
});

/** The repository of layers is named like an agent's. */
const layers = 'layers';

test('one agent bumped: its own layers, configurations and manifests, and no byte for anything else', async () => {
  const before = await allOf(one);
  const layersBefore = await allOf(layers);
  await rig.catalogue.setAgent(one, '1.1.0');
  const entries = await publish();
  // One layer for each platform, whatever the number of runtimes, and a configuration for each image of each platform.
  const images = added(before.blobs, (await contentOf(one, both)).blobs);
  expect(images.size).toBe(2 + 4);
  expect(uploaded(entries)).toEqual(expect.arrayContaining([...images.keys()]));
  // All that was sent is new, and in this agent's repository or among the layers, each of which is an image of its own.
  const after = await allOf(one);
  const layersAfter = await allOf(layers);
  const blobs = new Map([
    ...added(before.blobs, after.blobs),
    ...added(layersBefore.blobs, layersAfter.blobs),
  ]);
  const manifests = new Map([
    ...added(before.manifests, after.manifests),
    ...added(layersBefore.manifests, layersAfter.manifests),
  ]);
  expect(uploaded(entries).filter((digest) => !blobs.has(digest))).toEqual([]);
  expect(sentFor(entries, 'upload')).toBeLessThanOrEqual(total(blobs));
  // Each index is put under its staging tag, its test on each platform, and its public tags: at most six times.
  expect(sentFor(entries, 'manifest')).toBeLessThanOrEqual(6 * total(manifests));
  expect(new Set(entries.filter(isWrite).map(({ repository }) => repository))).toEqual(
    new Set([repositoryOf(one), repositoryOf(layers)]),
  );
});

test('a runtime bumped: its own layer is sent', async () => {
  const before = await contentOf(one, both);
  await rig.catalogue.setRuntime(`${word}again`);
  const sent = uploaded(await publish());
  const ofOne = added(before.blobs, (await contentOf(one, both)).blobs);
  const ofTwo = (await contentOf(two, both)).blobs;
  // Configurations are each image's own.
  const shared = [...ofOne.keys()].filter((digest) => ofTwo.has(digest));
  expect(shared.length).toBeGreaterThan(0);
  expect(sent).toEqual(expect.arrayContaining(shared));
});
