import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createdAnnotation, versionAnnotation } from '../../bakery/publisher/need.rules.ts';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { bakery, checkout, docker, makeCheckout, removeCheckout, run } from '../e2e/support.ts';
import { isFull } from '../support/full.ts';
import { openNamespace } from './namespace.ts';
import type { Registry } from './registry.ts';
import { makeTinyCatalogue, type TinyCatalogue } from './tiny-catalogue.ts';

/** The statements about images that lie beside them: annotations of the index, provenance and SBOMs. */

const agent = 'e2e-attest';
const registry = openRegistry(new AbortController().signal);

let own: Registry;
let catalogue: TinyCatalogue;
beforeAll(async () => {
  own = openNamespace(
    'attest',
    ['layers', agent, 'e2e-sbom'].map((name) => `ai/ai-${name}`),
  );
  catalogue = await makeTinyCatalogue([agent]);
});
afterAll(async () => {
  await catalogue.close();
  await own.close();
});

const Index = z.object({
  annotations: z.record(z.string(), z.string()),
  manifests: z.array(
    z.object({
      digest: z.string(),
      platform: z.object({ architecture: z.string() }),
      annotations: z.record(z.string(), z.string()).default({}),
    }),
  ),
});
const Attestations = z.object({
  layers: z.array(z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()) })),
});

/** One statement of in-toto. github.com/moby/buildkit: docs/attestations/attestation-storage.md */
type Statement = { readonly type: string; readonly of: string; readonly text: string };
type Published = {
  readonly reference: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Manifests by architecture. */
  readonly images: Readonly<Record<string, string>>;
  readonly statements: readonly Statement[];
};

const read = async <T>(reference: string, shape: z.ZodType<T>): Promise<T> => {
  const found = await registry.readManifest(reference);
  if (found === undefined) throw new Error(`${reference} is not there`);
  return shape.parse(JSON.parse(Buffer.from(found.body).toString()));
};

const blob = async (repository: string, digest: string): Promise<string> => {
  const [host, ...path] = repository.split('/');
  const answer = await fetch(`http://${host}/v2/${path.join('/')}/blobs/${digest}`);
  expect(answer.status).toBe(200);
  return answer.text();
};

/** Everything that a registry has of one image. */
const readAll = async (repository: string, digest: string): Promise<Published> => {
  const reference = `${repository}@${digest}`;
  const { annotations, manifests } = await read(reference, Index);
  const statements: Statement[] = [];
  for (const manifest of manifests.filter(({ platform }) => platform.architecture === 'unknown')) {
    expect(manifest.annotations['vnd.docker.reference.type']).toBe('attestation-manifest');
    const { layers } = await read(`${repository}@${manifest.digest}`, Attestations);
    for (const layer of layers) {
      statements.push({
        type: layer.annotations['in-toto.io/predicate-type'] ?? '',
        of: manifest.annotations['vnd.docker.reference.digest'] ?? '',
        text: await blob(repository, layer.digest),
      });
    }
  }
  const images = manifests.filter(({ platform }) => platform.architecture !== 'unknown');
  return {
    reference,
    annotations,
    images: Object.fromEntries(
      images.map(({ digest: image, platform }) => [platform.architecture, image]),
    ),
    statements,
  };
};

const Layers = z.object({ layers: z.array(z.object({ digest: z.string() })).min(1) });

/** Digests of the layers of each platform's image. */
const layersOf = ({ reference, images }: Published): Promise<string[][]> =>
  Promise.all(
    Object.values(images).map(async (digest) => {
      const { layers } = await read(`${reference.split('@')[0]}@${digest}`, Layers);
      return layers.map((layer) => layer.digest);
    }),
  );

const publish = async (
  root: string,
  args: readonly string[],
  env: Record<string, string | undefined> = {},
): Promise<PublishReport> => {
  const always = ['--registry', `${own.host}/ai`, '--runtime', 'base', '--json', '--quiet'];
  const ran = await bakery(['--root', root, 'publish', ...always, ...args], { env });
  expect(ran.code, ran.stderr + ran.stdout).toBe(0);
  return JSON.parse(ran.stdout) as PublishReport;
};

const staged = async (
  root: string,
  args: readonly string[] = [],
  env: Record<string, string | undefined> = {},
): Promise<Published> => {
  const { images } = await publish(root, ['--force', '--until', 'stage', ...args], env);
  const [only] = images;
  return readAll(only?.image.replace(/:[^:/]*$/, '') ?? '', only?.digest ?? '');
};

/** Without the variables of a CI system, which the tests themselves may run in. */
const noCi = {
  CI_PROJECT_URL: undefined,
  CI_COMMIT_SHA: undefined,
  GITHUB_SERVER_URL: undefined,
  GITHUB_REPOSITORY: undefined,
  GITHUB_SHA: undefined,
};

describe('provenance', () => {
  let plain: Published;
  let usual: Published;
  let full: Published;
  beforeAll(async () => {
    plain = await staged(catalogue.root);
    usual = await staged(catalogue.root, ['--provenance', 'min']);
    full = await staged(catalogue.root, ['--provenance', 'max']);
  });

  test('says of each image what it was made of, by digest', async () => {
    expect(usual.statements.map(({ of }) => of).toSorted()).toEqual(
      Object.values(usual.images).toSorted(),
    );
    const { stdout } = await bakery([
      '--root',
      catalogue.root,
      'render',
      agent,
      '--runtime',
      'base',
    ]);
    const upstreams = stdout.match(/(?<=@sha256:)[0-9a-f]{64}/g) ?? [];
    expect(new Set(upstreams).size).toBeGreaterThan(0);
    for (const { type, text } of usual.statements) {
      expect(type).toMatch(/^https:\/\/slsa\.dev\/provenance\//);
      for (const upstream of upstreams) expect(text).toContain(upstream);
    }
  });

  // The control: what would have to be found is found where all is told.
  test.each([
    ['values of build arguments', 'build-arg:SOURCE_DATE_EPOCH'],
    ['steps', 'install -D -m 0755 /from/download'],
  ])('tells no %s unless it is asked to', (_, text) => {
    expect(full.statements.map((one) => one.text).join()).toContain(text);
    expect(usual.statements.map((one) => one.text).join()).not.toContain(text);
  });

  test('is not there where it is switched off', () => {
    expect([plain.statements, usual.statements.length]).toEqual([[], 2]);
  });

  test('changes nothing of the images', async () => {
    expect(Object.keys(plain.images).toSorted()).toEqual(['amd64', 'arm64']);
    expect(full.images).toEqual(usual.images);
    // Composed in the registry and not baked whole, its manifest is written otherwise, of the same layers.
    expect(await layersOf(usual)).toEqual(await layersOf(plain));
  });

  test('is no platform, and goes with its index', async () => {
    const found = await registry.readManifest(usual.reference);
    expect(found?.platforms).toEqual(['linux/amd64', 'linux/arm64']);
    expect(found?.children).toHaveLength(4);
  });

  test('leaves an image one that docker runs', async () => {
    const ran = await docker('run', '--rm', '--network=none', '--user=1234', usual.reference);
    expect([ran.code, ran.stdout], ran.stderr).toEqual([0, '1.0.0\n']);
    await docker('image', 'rm', '--force', usual.reference);
  });
});

const git = (...args: readonly string[]) =>
  run('git', [
    '-C',
    catalogue.root,
    '-c',
    'user.name=e2e',
    '-c',
    'user.email=e2e@example.com',
    ...args,
  ]);
const head = async (): Promise<string> => (await git('rev-parse', 'HEAD')).stdout.trim();

describe('an index', () => {
  test('says what its images are', async () => {
    const { annotations } = await staged(catalogue.root, [], noCi);
    expect(annotations).toMatchObject({
      'org.opencontainers.image.title': `${agent} on Base`,
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.url': 'https://example.com',
      'org.opencontainers.image.base.name': 'docker.io/library/node:24-trixie-slim',
      'org.opencontainers.image.base.digest': expect.stringMatching(/^sha256:/) as string,
      [versionAnnotation]: '1.0.0',
    });
    // Nobody says where this checkout is from.
    expect(annotations).not.toHaveProperty(['org.opencontainers.image.source']);
    expect(annotations).not.toHaveProperty(['org.opencontainers.image.revision']);
  });

  test('says the commit that it was made from; another one does not change the images', async () => {
    await git('init', '--quiet');
    // As in the checkout: what belongs to the machine is nobody's change.
    await writeFile(join(catalogue.root, '.gitignore'), '.bakery/\nbakery.local.yaml\n');
    await git('remote', 'add', 'origin', 'https://ci:secret@git.example.com/ai/bakery.git');
    await git('add', 'agents', 'runtimes', 'bakery.yaml');
    await git('commit', '--quiet', '--message', 'one');
    const first = await staged(catalogue.root, [], noCi);
    expect(first.annotations).toMatchObject({
      'org.opencontainers.image.source': 'https://git.example.com/ai/bakery.git',
      'org.opencontainers.image.revision': await head(),
    });
    await git('commit', '--quiet', '--allow-empty', '--message', 'two');
    const { images } = await publish(catalogue.root, ['--until', 'stage'], noCi);
    expect(images.map(({ outcome }) => outcome)).toEqual(['up to date']);
    const second = await staged(catalogue.root, [], noCi);
    expect(second.annotations['org.opencontainers.image.revision']).toBe(await head());
    expect(second.annotations[createdAnnotation]).not.toBe(first.annotations[createdAnnotation]);
    expect(second.images).toEqual(first.images);
  });

  test('names no commit where definitions differ from it', async () => {
    await catalogue.setAgent(agent, '1.0.1');
    const { annotations } = await staged(catalogue.root, [], noCi);
    expect(annotations).toHaveProperty(['org.opencontainers.image.source']);
    expect(annotations).not.toHaveProperty(['org.opencontainers.image.revision']);
  });
});

/** An npm agent, and a generator that does the work of Docker's own; it is made here if it is missing. */
test('an SBOM names the agent’s own package, with its version', async () => {
  const generator = 'docker.io/docker/buildkit-syft-scanner:1';
  const made = await run(join(checkout, 'scripts/stand-ins/build'), [generator]);
  expect(made.code, made.stderr).toBe(0);
  const { digest = '' } =
    (await registry.readManifest(`127.0.0.1:5000/${generator.replace(':1', '')}:1`)) ?? {};
  const root = await makeCheckout({ 'e2e-sbom': isFull ? 'auggie' : 'small-npm' });
  try {
    const args = ['--platform', 'linux/amd64', '--provenance', 'off', '--sbom'];
    const { images, statements } = await staged(root, [...args, `${generator}@${digest}`]);
    expect(statements.map(({ of }) => of)).toEqual([images['amd64']]);
    const { packages } = JSON.parse(
      await readFile(join(root, 'agents/e2e-sbom/package-lock.json'), 'utf8'),
    ) as { packages: Record<string, { version: string }> };
    const name = isFull ? '@augmentcode/auggie' : 'json5';
    const { predicateType, predicate } = JSON.parse(statements[0]?.text ?? '{}') as {
      predicateType: string;
      predicate: { packages: { name: string; versionInfo: string }[] };
    };
    expect(predicateType).toBe('https://spdx.dev/Document');
    expect(
      predicate.packages.filter((one) => one.name === name).map((one) => one.versionInfo),
    ).toContain(packages[`node_modules/${name}`]?.version);
  } finally {
    await removeCheckout(root, ['e2e-sbom']);
  }
});
