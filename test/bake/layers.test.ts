import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { blobsOf } from '../../bakery/composer/manifests.rules.ts';
import type { Manifest } from '../../bakery/registry/manifest.rules.ts';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { bakery, docker, nonce, type Ran, run } from '../e2e/support.ts';
import { isWrite, type Recorder, recordRequests, uploads } from './recorder.ts';
import { runUntil } from './killed.ts';
import { makeTinyCatalogue, type TinyCatalogue } from './tiny-catalogue.ts';

/** Layers that were left in a registry, and images that are made of them by a machine that has none; and another builder than the engine. */

const agents = ['e2e-left', 'e2e-right'];
const [left = '', right = ''] = agents;
const registry = openRegistry(new AbortController().signal);

let catalogue: TinyCatalogue;
let recorder: Recorder;
let where = '';

beforeAll(async () => {
  catalogue = await makeTinyCatalogue(agents);
  recorder = await recordRequests('127.0.0.1:5000');
  where = `${recorder.address}/e2e-layers-${nonce()}`;
});
/** Deletes all that tests have left below a name. */
const clean = async (below: string): Promise<void> => {
  for (const name of ['ai-layers', ...agents.map((agent) => `ai-${agent}`)]) {
    const repository = `${below}/${name}`;
    const tags = await registry.readTags(repository);
    const found = await Promise.all(
      tags.map((tag) => registry.readManifest(`${repository}:${tag}`)),
    );
    for (const digest of new Set(found.flatMap((one) => (one === undefined ? [] : [one.digest]))))
      await registry.deleteManifest(`${repository}@${digest}`);
  }
};
afterAll(async () => {
  await clean(where);
  await recorder.close();
  await catalogue.close();
});

const on = (verb: string, args: readonly string[]): Promise<Ran> =>
  bakery(['--root', catalogue.root, verb, '--registry', where, ...args]);

const Layers = z.object({
  ok: z.boolean(),
  layers: z.array(
    z.object({
      id: z.string(),
      outcome: z.string(),
      reference: z.string(),
      digest: z.string().optional(),
    }),
  ),
});

const layer = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await on('layer', ['--json', '--quiet', ...args]);
  expect(stdout, stderr).toMatch(/^\{/);
  return { code, ...Layers.parse(JSON.parse(stdout)) };
};

const stage = async (...args: readonly string[]): Promise<PublishReport> => {
  const flags = ['--json', '--quiet', '--until', 'stage', ...args];
  const { stdout, stderr } = await on('publish', flags);
  expect(stdout, stderr).toMatch(/^\{/);
  return JSON.parse(stdout) as PublishReport;
};

const outcomes = ({ images }: PublishReport): string[] =>
  images.map(({ image, outcome }) => `${image.replace(/^.*\/ai-e2e-/, '')} ${outcome}`);
const builds = ({ layers }: PublishReport): string[] =>
  layers.map(({ id }) => id).filter((id) => !id.startsWith('push '));
const executed = ({ layers }: PublishReport): number =>
  layers.reduce((sum, one) => sum + one.executed, 0);

const read = async (reference: string): Promise<Manifest> => {
  const found = await registry.readManifest(reference);
  if (found === undefined) throw new Error(`${reference} is not there`);
  return found;
};

const Config = z.object({
  architecture: z.string(),
  config: z.record(z.string(), z.unknown()),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});

/** The parts of an image that decide how it runs, by platform: its layers and its configuration. */
const contentsOf = async (repository: string, digest: string | undefined) =>
  Promise.all(
    (await read(`${repository}@${digest}`)).children.map(async (child) => {
      const manifest = await read(`${repository}@${child}`);
      const { config, layers } = blobsOf(manifest);
      const text = Buffer.from(await registry.readBlob(repository, config)).toString();
      return { layers, config: Config.parse(JSON.parse(text)) };
    }),
  );

/** Digests of the blobs that were to be mounted. */
const mounted = (lines: readonly string[]): Set<string> =>
  new Set(
    lines.flatMap((line) => {
      const digest = /\?mount=([^&]+)/.exec(line)?.[1];
      return digest === undefined ? [] : [decodeURIComponent(digest)];
    }),
  );

describe('layers that a job leaves in a registry', () => {
  const names = [`agent/${left}`, 'runtime/base', 'runtime/mini'];

  test('are built where it does not have them, one manifest for each platform', async () => {
    const { code, layers } = await layer(...names);
    expect(code).toBe(0);
    expect(layers.map(({ id, outcome }) => `${id} ${outcome}`).toSorted()).toEqual(
      names.flatMap((name) =>
        ['linux/amd64 built', 'linux/arm64 built'].map((end) => `${name} ${end}`),
      ),
    );
    for (const { reference, digest } of layers) {
      expect(reference).toMatch(/\/ai-layers:layer-[0-9a-f]{12}-(amd64|arm64)$/);
      const found = await read(reference);
      expect(found.digest).toBe(digest);
      expect([found.children, blobsOf(found).layers.length]).toEqual([[], 1]);
    }
  });

  test('are not built again, whatever this machine remembers; one that is not there is', async () => {
    recorder.forget();
    const { code, layers } = await layer(`agent/${left} linux/arm64`, `agent/${right} linux/arm64`);
    expect(code).toBe(0);
    expect(layers.map(({ outcome }) => outcome)).toEqual(['from the registry', 'built']);
    expect(uploads(recorder.requests())).toHaveLength(2);
  });

  test('are copied where a registry mounts nothing, each once for each repository', async () => {
    const plain = await recordRequests('127.0.0.1:5000', false);
    const below = `${plain.address}/e2e-layers-${nonce()}`;
    try {
      const words = ['publish', left, '--registry', below, '--until', 'stage', '--json', '--quiet'];
      const { stdout, stderr } = await bakery(['--root', catalogue.root, ...words]);
      expect(stdout, stderr).toMatch(/^\{/);
      const { images } = JSON.parse(stdout) as PublishReport;
      expect(images.map(({ outcome }) => outcome)).toEqual(['staged', 'staged']);
      const contents = await Promise.all(
        images.map(({ image, digest }) => contentsOf(image.replace(/:[^:]+$/, ''), digest)),
      );
      const held = new Set<string>(contents.flat().flatMap(({ layers }) => layers));
      const asked = plain.requests();
      const wanted = mounted(asked);
      expect(wanted.size).toBeGreaterThan(0);
      for (const digest of wanted) expect(held).toContain(digest);
      const own = uploads(asked.filter((line) => line.includes(`/ai-${left}/`)));
      expect(own.filter((digest) => wanted.has(digest)).toSorted()).toEqual([...wanted].toSorted());
    } finally {
      await clean(below);
      await plain.close();
    }
  });

  test('become images without building, downloading or uploading any of them', async () => {
    recorder.forget();
    const report = await stage(left);
    expect(outcomes(report)).toEqual(['left:base staged', 'left:mini staged']);
    expect([builds(report), executed(report)]).toEqual([[], 0]);
    expect(report.layersFromRegistry).toHaveLength(6);
    const own = await Promise.all(
      (await layer(...names)).layers.map(
        async ({ reference }) => blobsOf(await read(reference)).layers,
      ),
    );
    const lines = recorder.requests();
    for (const digest of own.flat()) {
      expect(uploads(lines)).not.toContain(digest);
      expect(lines.filter((line) => line.startsWith('GET') && line.includes(digest))).toEqual([]);
      expect(lines.join('\n')).toContain(`mount=${encodeURIComponent(digest)}`);
    }
  });

  test('those images are configured as BuildKit does it that builds everything', async () => {
    const { images } = await stage(left, '--runtime', 'mini');
    const composed = await contentsOf(`${where}/ai-${left}`, images[0]?.digest);
    const own = ['--root', catalogue.root, 'render', left, '--runtime', 'mini', '--bake'];
    const file = await bakery([...own, '--registry', `${where}/whole`], { cwd: catalogue.root });
    const baked = await run('docker', ['buildx', 'bake', '--allow=fs.read=*', '--file=-'], {
      input: file.stdout,
      cwd: catalogue.root,
    });
    expect(baked.code, baked.stderr).toBe(0);
    const repository = `${where}/whole/ai-${left}`;
    const [tag = ''] = await registry.readTags(repository);
    const index = await read(`${repository}:${tag}`);
    const whole = await contentsOf(repository, index.digest);
    expect(composed).toHaveLength(2);
    expect(
      composed.map(({ config: { architecture, config } }) => ({ architecture, config })),
    ).toEqual(whole.map(({ config: { architecture, config } }) => ({ architecture, config })));
    for (const [at, { layers, config }] of composed.entries()) {
      expect(layers).toHaveLength(whole[at]?.layers.length ?? 0);
      expect(config.rootfs.diff_ids).toHaveLength(layers.length);
      expect(layers[0]).toBe(whole[at]?.layers[0]);
    }
    await registry.deleteManifest(`${repository}@${index.digest}`);
  });

  test('one that fails is named, keeps no other one back, and is not left there', async () => {
    const { code, layers, ok } = await layer('runtime/base', `agent/${right} linux/amd64`);
    expect([code, ok, layers.length]).toEqual([0, true, 3]);
    await run(
      'sh',
      ['-c', `sed -i 's/sha256: ......../sha256: 00000000/' agents/${right}/agent.yaml`],
      {
        cwd: catalogue.root,
      },
    );
    const broken = await layer('runtime/base', `agent/${right} linux/amd64`);
    expect([broken.code, broken.ok]).toEqual([1, false]);
    expect(broken.layers.map(({ outcome }) => outcome)).toEqual([
      'from the registry',
      'from the registry',
      'failed',
    ]);
    expect(await registry.readManifest(broken.layers[2]?.reference ?? '')).toBeUndefined();
    await catalogue.setAgent(right, '1.0.0');
  });

  test('what there is no layer of is wrong usage, said at once', async () => {
    recorder.forget();
    const { code, stderr } = await on('layer', ['agent/nobody']);
    expect([code, recorder.requests()]).toEqual([2, []]);
    expect(stderr).toContain('unknown layer "agent/nobody"');
  });
});

/**
 * The builder that scripts/buildkitd starts; if it cannot be built here, the reason is in the name of the tests that are
 * skipped.
 */
const started = await run('scripts/buildkitd', []);
const address = started.stdout.trim();
const reason = started.code === 0 ? '' : ` (skipped: ${started.stderr.split('\n')[0]})`;

describe.skipIf(started.code !== 0)(`a builder that is not the engine${reason}`, () => {
  const builder = `e2e-builder-${nonce()}`;
  let own = '';

  beforeAll(async () => {
    own = where;
    where = `${where}-remote`;
    const ran = await docker('buildx', 'create', '--driver=remote', `--name=${builder}`, address);
    if (ran.code !== 0) throw new Error(ran.stderr);
    for (const agent of agents) await catalogue.setAgent(agent, '2.0.0');
  });
  afterAll(async () => {
    await docker('buildx', 'rm', builder);
    for (const name of ['ai-layers', ...agents.map((agent) => `ai-${agent}`)]) {
      const repository = `${where}/${name}`;
      for (const tag of await registry.readTags(repository)) {
        const found = await registry.readManifest(`${repository}:${tag}`);
        if (found !== undefined) await registry.deleteManifest(`${repository}@${found.digest}`);
      }
    }
    where = own;
  });

  const killedAt = (line: RegExp): Promise<'killed' | 'ended'> => {
    const which = ['--root', catalogue.root, '--builder', builder];
    const words = ['publish', left, '--runtime', 'base', '--registry', where, '--until', 'stage'];
    return runUntil(line, [...which, ...words]);
  };

  test('killed after the push and before the staging tag, it goes on, and builds nothing again', async () => {
    recorder.forget();
    expect(await killedAt(/✔ push 1/)).toBe('killed');
    const pushed = recorder
      .requests()
      .filter((line) => /^PUT .*\/ai-e2e-left\/manifests\//.test(line));
    // By digest only: no tag points to anything.
    expect(pushed.length).toBeGreaterThan(0);
    expect(pushed.filter((line) => !line.includes('/manifests/sha256:'))).toEqual([]);
    expect(await registry.readTags(`${where}/ai-${left}`)).toEqual([]);
    const report = await stage(left, '--runtime', 'base', '--builder', builder);
    expect([outcomes(report), builds(report), executed(report)]).toEqual([
      ['left:base staged'],
      [],
      0,
    ]);
    expect(await registry.readTags(`${where}/ai-${left}`)).toEqual([
      expect.stringMatching(/^stg-/) as string,
    ]);
  });

  test('publishes for both platforms; the engine tests what it pushed', async () => {
    const { code, stdout, stderr } = await on('publish', [
      right,
      '--runtime',
      'base',
      '--builder',
      builder,
      '--json',
    ]);
    expect(code, stdout + stderr).toBe(0);
    const report = JSON.parse(stdout) as PublishReport;
    expect(outcomes(report)).toEqual(['right:base promoted']);
    expect(report.tests.map((one) => `${one.platform} ${one.test}`)).toEqual([
      'linux/amd64 passed',
      'linux/arm64 passed',
    ]);
    expect((await read(`${where}/ai-${right}:latest`)).platforms).toEqual([
      'linux/amd64',
      'linux/arm64',
    ]);
  });

  test('that is up to date then, and needs neither builder nor engine', async () => {
    recorder.forget();
    const { stdout } = await on('publish', [
      right,
      '--runtime',
      'base',
      '--builder',
      'nobody',
      '--json',
    ]);
    expect(outcomes(JSON.parse(stdout) as PublishReport)).toEqual(['right:base up to date']);
    expect(recorder.requests().filter(isWrite)).toEqual([]);
  });

  test('hands images for both platforms over to the engine', async () => {
    const args = [left, '--runtime', 'base', '--platform', 'linux/amd64,linux/arm64', '--no-test'];
    const built = await bakery(['--root', catalogue.root, 'build', ...args, '--builder', builder]);
    expect(built.code, built.stdout + built.stderr).toBe(0);
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const inspected = await docker(
        'image',
        'inspect',
        `--platform=${platform}`,
        `ai-${left}:base`,
      );
      expect(inspected.code, inspected.stderr).toBe(0);
    }
  });

  test('one that there is not is said at once', async () => {
    const { code, stderr } = await bakery([
      '--root',
      catalogue.root,
      'build',
      left,
      '--builder',
      'nobody',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('the buildx builder does not answer');
  });
});
