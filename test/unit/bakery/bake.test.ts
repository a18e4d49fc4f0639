import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  bakeCommand,
  bakeFile,
  type BuildInputs,
  layerCommand,
  layerPushCommand,
  type Output,
  pushedDigests,
  type RegistryOutput,
  tagOf,
  targetName,
} from '../../../bakery/builder/bake-file.rules.ts';
import type { Image, Layer } from '../../../bakery/plan/plan.rules.ts';
import { annotationsOf } from '../../../bakery/publisher/need.rules.ts';
import { sourceDate } from '../../../bakery/templates/source-date.rules.ts';
import { digest } from '../support.ts';
import { image } from './images.ts';

/** So that the times in the configuration are those of the inputs: none. */
const epoch = { SOURCE_DATE_EPOCH: String(sourceDate) };

const nothing: BuildInputs = { secrets: {}, args: {} };
const inputs: BuildInputs = {
  secrets: { ca: '/etc/ssl/ca.pem', npmrc: '/home/me/npm rc' },
  args: { HTTPS_PROXY: 'http://me:secret@proxy:3128' },
};
const engine: Output = { to: 'engine' };
const created = '2026-11-21T10:00:00.000Z';
const registry: RegistryOutput = { to: 'registry', registry: '127.0.0.1:5000/acme', created };

const Targets = z.object({ target: z.record(z.string(), z.unknown()) });

/** The one target of a bake file. */
const target = (one: Image, output: Output = engine, given = nothing): unknown =>
  Targets.parse(bakeFile([one], output, given)).target[targetName(one)];

describe('the bake file', () => {
  test('of images for the engine is exactly this', () => {
    expect(
      bakeFile([image(), image({ id: 'otter:go', reference: 'ai-otter:go' })], engine, nothing),
    ).toEqual({
      group: { default: { targets: ['otter_php8_4', 'otter_go'] } },
      target: {
        otter_php8_4: {
          context: 'agents/otter',
          'dockerfile-inline': 'FROM scratch AS image\n',
          target: 'image',
          platforms: ['linux/amd64', 'linux/arm64'],
          tags: ['ai-otter:php8.4'],
          output: ['type=image,compression=uncompressed,oci-mediatypes=true'],
          attest: ['type=provenance,disabled=true'],
          args: epoch,
        },
        otter_go: expect.objectContaining({ tags: ['ai-otter:go'] }),
      },
    });
  });

  test('pushes without a tag where the builder can: others give it one', () => {
    const found = target(image(), {
      to: 'registry',
      registry: 'r.example.com',
      created,
      byDigest: true,
    });
    expect(found).not.toHaveProperty('tags');
    expect(found).toMatchObject({
      output: [
        'type=image,push=true,store=false,oci-mediatypes=true,compression=zstd,push-by-digest=true,name-canonical=true,name=r.example.com/ai-otter',
      ],
    });
  });

  test('hands images over to the engine where the builder is not the engine’s', () => {
    expect(target(image(), { to: 'engine', load: true })).toMatchObject({
      tags: ['ai-otter:php8.4'],
      output: ['type=docker,compression=uncompressed,oci-mediatypes=true'],
    });
  });

  test('pushes to a registry under its staging tag, and keeps nothing in the engine', () => {
    expect(target(image(), registry)).toMatchObject({
      tags: ['127.0.0.1:5000/acme/ai-otter:stg-aaaaaaaaaaaa'],
      output: ['type=image,push=true,store=false,oci-mediatypes=true,compression=zstd'],
      annotations: Object.entries(annotationsOf(image(), created)).map(
        ([name, value]) => `index:${name}=${value}`,
      ),
    });
  });

  test('makes an index in a registry, of one platform as well, as only an index is annotated', () => {
    const args = { ...epoch, BUILDKIT_MULTI_PLATFORM: '1' };
    expect(target(image(), registry, inputs)).toMatchObject({ args: { ...inputs.args, ...args } });
    expect(target(image({ platforms: ['linux/amd64'] }), registry)).toMatchObject({ args });
    expect(target(image(), engine)).toHaveProperty('args', epoch);
  });

  test('names secrets by their paths, and gives proxies as predefined arguments', () => {
    expect(target(image(), engine, inputs)).toMatchObject({
      secret: ['type=file,id=ca,src=/etc/ssl/ca.pem', 'type=file,id=npmrc,src=/home/me/npm rc'],
      args: { HTTPS_PROXY: 'http://me:secret@proxy:3128' },
    });
  });

  test('links the layers anew where the cache is not wanted, and takes the layers themselves as just built', () => {
    expect(Targets.parse(bakeFile([image()], registry, nothing, true)).target).toEqual({
      otter_php8_4: expect.objectContaining({ 'no-cache-filter': ['image'] }),
    });
    expect(target(image(), registry)).not.toHaveProperty('no-cache-filter');
  });

  test('says in the index where it came from', () => {
    const origin = { source: 'https://example.com/bakery', revision: 'a'.repeat(40) };
    expect(target(image(), { ...registry, origin })).toMatchObject({
      annotations: expect.arrayContaining([
        'index:org.opencontainers.image.source=https://example.com/bakery',
        `index:org.opencontainers.image.revision=${'a'.repeat(40)}`,
      ]),
    });
  });

  test('has attached to images of a registry what is asked for', () => {
    const attest = { provenance: 'min', sbom: `example.com/scan@${digest('e')}` } as const;
    expect(target(image(), { ...registry, attest })).toMatchObject({
      attest: ['type=provenance,mode=min', `type=sbom,generator=example.com/scan@${digest('e')}`],
    });
  });

  test.each([
    ['a variable in braces', 'RUN ${x}', 'RUN $${x}'],
    ['a directive', 'RUN %{if}', 'RUN %%{if}'],
    ['several of them', '${a}%{b}${c}', '$${a}%%{b}$${c}'],
    ['a plain variable', 'RUN $x 100% {}', 'RUN $x 100% {}'],
    ['a command substitution', 'RUN $(id)', 'RUN $(id)'],
  ])('means %s as it is written', (_, dockerfile, expected) => {
    expect(target(image({ dockerfile }))).toMatchObject({ 'dockerfile-inline': expected });
  });

  test.each([
    ['otter:base', 'otter_base'],
    ['otter:php8.4', 'otter_php8_4'],
    ['my-otter:a_b', 'my-otter_a_b'],
  ])('calls %s %s', (id, name) => {
    expect(targetName(image({ id }))).toBe(name);
  });
});

test.each([
  [engine, 'ai-otter:php8.4'],
  [registry, '127.0.0.1:5000/acme/ai-otter:stg-aaaaaaaaaaaa'],
] as const)('the tag where images go to %j is %s', (output, tag) => {
  expect(tagOf(image(), output)).toBe(tag);
});

describe('the command that bakes images', () => {
  test('reads its file from standard input', () => {
    expect(bakeCommand(nothing)).toEqual({
      file: 'docker',
      args: ['buildx', 'bake', '--file=-', '--progress=rawjson'],
    });
  });

  test('is allowed to read the secrets, and no other files', () => {
    expect(bakeCommand(inputs).args.slice(4)).toEqual([
      '--allow=fs.read=/etc/ssl/ca.pem',
      '--allow=fs.read=/home/me/npm rc',
    ]);
  });
});

describe('what buildx says it pushed', () => {
  const metadata = JSON.stringify({
    otter_php8_4: { 'containerimage.digest': digest('d'), 'image.name': 'x' },
    'buildx.build.warnings': [{ detail: [] }],
  });
  test('is taken by image', () => {
    expect(pushedDigests(metadata, [image()])).toEqual(new Map([['otter:php8.4', digest('d')]]));
  });
  test.each([
    ['nothing is said', undefined],
    ['it is not said of this one', '{}'],
    ['it is no digest', '{"otter_php8_4":{"containerimage.digest":"latest"}}'],
  ])('is nothing where %s', (_, text) => {
    expect(pushedDigests(text, [image()])).toEqual(new Map());
  });
  test.each(['', '{"otter_php8_4":', '[]'])('is refused if it is %j', (text) => {
    expect(() => pushedDigests(text, [image()])).toThrow(
      expect.objectContaining({ code: 'E_ANSWER' }),
    );
  });
  test('goes to the file that is named', () => {
    expect(bakeCommand(nothing, '/logs/1.json').args).toContain('--metadata-file=/logs/1.json');
  });
});

describe('the command that builds a layer', () => {
  const layer: Layer = {
    id: 'agent/otter linux/arm64',
    platform: 'linux/arm64',
    stage: 'agent',
    key: digest('b'),
    dockerfile: 'FROM scratch AS agent\n',
    context: 'agents/otter',
    files: [],
  };

  test('is exactly this', () => {
    expect(layerCommand(layer, inputs)).toEqual({
      file: 'docker',
      args: [
        'buildx',
        'build',
        '--file=Dockerfile',
        '--progress=rawjson',
        '--provenance=false',
        '--output=type=cacheonly',
        '--target=agent',
        '--platform=linux/arm64',
        '--secret=type=file,id=ca,src=/etc/ssl/ca.pem',
        '--secret=type=file,id=npmrc,src=/home/me/npm rc',
        '--build-arg=HTTPS_PROXY',
        `--build-arg=SOURCE_DATE_EPOCH=${sourceDate}`,
        '-',
      ],
      env: inputs.args,
    });
  });

  test('pushes it under its own name, and says what it is', () => {
    const output = { to: 'registry', registry: '127.0.0.1:5000/acme', created } as const;
    const { args } = layerPushCommand(layer, nothing, output);
    expect(args.filter((arg) => /output|tag|annotation|target/.test(arg))).toEqual([
      '--output=type=image,push=true,store=false,oci-mediatypes=true,compression=zstd',
      '--tag=127.0.0.1:5000/acme/ai-layers:layer-bbbbbbbbbbbb-arm64',
      `--annotation=manifest:ai-run.key=${digest('b')}`,
      '--annotation=manifest:org.opencontainers.image.title=agent/otter linux/arm64',
      `--annotation=manifest:org.opencontainers.image.created=${created}`,
    ]);
  });

  test('runs steps that the cache has, where the cache is not wanted', () => {
    const { args } = layerCommand(layer, inputs);
    expect(layerCommand(layer, inputs, true).args.filter((arg) => !args.includes(arg))).toEqual([
      '--no-cache',
    ]);
  });

  test('never shows the password of a proxy', () => {
    expect(layerCommand(layer, inputs).args.join(' ')).not.toContain('secret@');
  });
});
