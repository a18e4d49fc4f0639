import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { sourceDate } from '../../bakery/templates/source-date.rules.ts';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { bakery, makeCheckout, removeCheckout, run, upstream } from '../e2e/support.ts';
import { isFull } from '../support/full.ts';
import { openNamespace } from './namespace.ts';
import type { Registry } from './registry.ts';

/**
 * The same inputs, built twice without cache, are the same bytes: an npm agent on every runtime, a PyPI agent, for both
 * platforms. Attestations and the time of an index are not part of it. The claim is about kinds of installation, so the agents
 * are small packages; with `GATE=full`, they are real agents.
 */

const agents = isFull
  ? { 'e2e-npm': 'auggie', 'e2e-pypi': 'vibe' }
  : { 'e2e-npm': 'small-npm', 'e2e-pypi': 'small-pypi' };
const platforms = ['amd64', 'arm64'];
/** The runtimes of PHP are one Dockerfile, so one of them is enough. */
const runtimes = isFull ? ['base', 'go', 'php8.4', 'php8.5'] : ['base', 'go', 'php8.4'];
const registry = openRegistry(new AbortController().signal);

let own: Registry;
let root = '';
let builds: readonly Build[] = [];

// OCI image spec: image-index.md, manifest.md, config.md
const Index = z.object({
  manifests: z.array(
    z.object({ digest: z.string(), platform: z.object({ architecture: z.string() }) }),
  ),
});
const Image = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
});
const Config = z.object({
  created: z.string(),
  history: z.array(z.object({ created: z.string() })),
});

/** Manifests of one build by image and platform, and which steps ran. */
type Build = {
  readonly where: string;
  /** `npm:go amd64` */
  readonly manifests: ReadonlyMap<string, string>;
  readonly executed: Readonly<Record<string, number>>;
};

const read = async <T>(reference: string, shape: z.ZodType<T>): Promise<T> => {
  const found = await registry.readManifest(reference);
  if (found === undefined) throw new Error(`${reference} is not there`);
  return shape.parse(JSON.parse(Buffer.from(found.body).toString()));
};

const buildInto = async (namespace: string): Promise<Build> => {
  const where = `${own.host}/${namespace}`;
  const manifests = new Map<string, string>();
  const executed: Record<string, number> = {};
  for (const [agent, more] of [
    ['npm', ['--runtime', [...runtimes, 'careless'].join(',')]],
    ['pypi', ['--runtime', 'base']],
  ] as const) {
    const args = ['publish', `e2e-${agent}`, ...more, '--registry', where, '--force'];
    const ran = await bakery(['--root', root, ...args, '--until', 'stage', '--json', '--quiet']);
    expect(ran.code, ran.stderr + ran.stdout).toBe(0);
    const { images, layers } = JSON.parse(ran.stdout) as PublishReport;
    for (const { id, executed: steps } of layers) if (!id.startsWith('push ')) executed[id] = steps;
    for (const { image, digest } of images) {
      const { repository = '', runtime = '' } =
        /^(?<repository>.*):(?<runtime>.*)$/.exec(image)?.groups ?? {};
      const index = await read(`${repository}@${digest}`, Index);
      for (const { digest: manifest, platform } of index.manifests)
        if (platforms.includes(platform.architecture))
          manifests.set(`${agent}:${runtime} ${platform.architecture}`, manifest);
    }
  }
  return { where, manifests, executed };
};

const manifestOf = ({ where, manifests }: Build, name: string): Promise<z.infer<typeof Image>> =>
  read(`${where}/ai-e2e-${name.split(':')[0]}@${manifests.get(name)}`, Image);

const layersOf = async (build: Build, name: string): Promise<string[]> =>
  (await manifestOf(build, name)).layers.map(({ digest }) => digest);

beforeAll(async () => {
  const repositories = ['layers', ...Object.keys(agents)].map((name) => `ai-${name}`);
  own = openNamespace(
    'reproducible',
    ['first', 'second'].flatMap((namespace) => repositories.map((name) => `${namespace}/${name}`)),
  );
  root = await makeCheckout(agents);
  // As any runtime, but for the times of what it makes.
  await mkdir(join(root, 'runtimes', 'careless'));
  await writeFile(
    join(root, 'runtimes', 'careless', 'runtime.yaml'),
    'title: Careless\nextends: base\nbudget: 1\n',
  );
  await writeFile(
    join(root, 'runtimes', 'careless', 'Dockerfile.hbs'),
    'FROM --platform=$BUILDPLATFORM {{upstream from}} AS {{stage}}\nRUN install -d /out/usr/local/share && echo same > /out/usr/local/share/same\n',
  );
  builds = [await buildInto('first'), await buildInto('second')];
});
afterAll(async () => {
  await removeCheckout(root, Object.keys(agents));
  await own.close();
});

const both = (): readonly [Build, Build] => {
  const [first, second] = builds;
  if (first === undefined || second === undefined) throw new Error('not built');
  return [first, second];
};

const names = [...runtimes.map((runtime) => `npm:${runtime}`), 'pypi:base'].flatMap((name) =>
  platforms.map((platform) => `${name} ${platform}`),
);

test('nothing of the second build came from the cache', () => {
  for (const { executed } of both()) {
    expect(Object.keys(executed)).toHaveLength((runtimes.length + 1 + 2) * platforms.length);
    expect(Object.entries(executed).filter(([, steps]) => steps === 0)).toEqual([]);
  }
});

test.each(names)('%s has one digest', (name) => {
  const [first, second] = both();
  expect(first.manifests.get(name)).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(second.manifests.get(name)).toBe(first.manifests.get(name));
});

// The control: the same files, with the times at which they were made, and nothing else is different.
test.each(platforms)('a layer that keeps its times differs (%s), and only it', async (platform) => {
  const name = `npm:careless ${platform}`;
  const [first, second] = await Promise.all(both().map((build) => layersOf(build, name)));
  const changed = first?.flatMap((digest, at) => (second?.[at] === digest ? [] : [at]));
  expect(first).toHaveLength(second?.length ?? 0);
  // The last is the agent's, below it is the runtime's.
  expect(changed).toEqual([(first?.length ?? 0) - 2]);
});

test.each(platforms)('an agent has one layer on all runtimes (%s)', async (platform) => {
  const [first] = both();
  const tops = await Promise.all(
    runtimes.map(async (runtime) => (await layersOf(first, `npm:${runtime} ${platform}`)).at(-1)),
  );
  expect(tops[0]).toMatch(/^sha256:/);
  expect(new Set(tops).size).toBe(1);
});

test.each(platforms)('upstream’s layers stay as they are (%s)', async (platform) => {
  const [first] = both();
  const base = await upstream('devcontainers/typescript-node:24-trixie');
  const { manifests } = await read(base, Index);
  const theirs = manifests.find((each) => each.platform.architecture === platform)?.digest;
  const image = await read(`${base.replace(/(:[^:/]+)?@.*$/, '')}@${theirs}`, Image);
  expect(image.layers.length).toBeGreaterThan(0);
  const layers = await layersOf(first, `npm:go ${platform}`);
  expect(layers.slice(0, image.layers.length)).toEqual(image.layers.map(({ digest }) => digest));
});

test('an image says the time of its inputs, not that of its build', async () => {
  const [first] = both();
  const { config } = await manifestOf(first, 'npm:go amd64');
  const [host, ...path] = `${own.host}/first/ai-e2e-npm`.split('/');
  const { stdout } = await run('curl', [
    '-fsS',
    `http://${host}/v2/${path.join('/')}/blobs/${config.digest}`,
  ]);
  const { created, history } = Config.parse(JSON.parse(stdout));
  const expected = new Date(sourceDate * 1000).toISOString().replace('.000Z', 'Z');
  expect([created, history.at(-1)?.created]).toEqual([expected, expected]);
});
