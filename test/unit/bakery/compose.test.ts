import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  addLayers,
  blobsOf,
  frameOf,
  indexOf,
  manifestsOf,
  type Single,
} from '../../../bakery/composer/manifests.rules.ts';
import { digestOf, parseManifest } from '../../../bakery/registry/manifest.rules.ts';
import { stagingTag } from '../../../bakery/publisher/need.rules.ts';
import { digest, fixtures } from '../support.ts';
import { image } from './images.ts';

const bytes = (value: unknown): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(JSON.stringify(value)));
const read = (body: Uint8Array): unknown => JSON.parse(Buffer.from(body).toString());

/** An image of these layers, as a registry has it. */
const single = (letters: string, more: object = {}): Single => {
  const config = bytes({
    architecture: 'arm64',
    os: 'linux',
    ...more,
    rootfs: { type: 'layers', diff_ids: letters.split('').map((one) => digest(one)) },
    history: [
      { created_by: `made ${letters}`, empty_layer: true },
      ...letters.split('').map((one) => ({ created_by: one })),
    ],
  });
  return {
    config,
    manifest: parseManifest(
      bytes({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'c', digest: digestOf(config), size: config.length },
        layers: letters.split('').map((one) => ({ mediaType: 'l', digest: digest(one), size: 7 })),
      }),
    ),
  };
};

describe('an image made of its frame and its layers', () => {
  const frame = single('ab', { config: { User: 'node', Env: ['A=1'] } });
  const whole = addLayers(frame, [single('c'), single('d')]);

  test('has the layers of all, the frame’s first', () => {
    expect(blobsOf(whole.manifest).layers).toEqual('abcd'.split('').map((one) => digest(one)));
  });

  test('has the frame’s configuration, with what belongs to its layers', () => {
    expect(read(whole.config)).toEqual({
      architecture: 'arm64',
      os: 'linux',
      config: { User: 'node', Env: ['A=1'] },
      rootfs: { type: 'layers', diff_ids: 'abcd'.split('').map((one) => digest(one)) },
      history: [
        { created_by: 'made ab', empty_layer: true },
        ...'abcd'.split('').map((one) => ({ created_by: one })),
      ],
    });
  });

  test('names that configuration, and leaves the frame as it is', () => {
    expect(blobsOf(whole.manifest).config).toBe(digestOf(whole.config));
    expect(blobsOf(frame.manifest).layers).toHaveLength(2);
    expect(whole.manifest.digest).toBe(
      addLayers(frame, [single('c'), single('d')]).manifest.digest,
    );
    expect(whole.manifest.digest).not.toBe(
      addLayers(frame, [single('d'), single('c')]).manifest.digest,
    );
  });

  test('without layers is the frame', () => {
    const same = addLayers(frame, []);
    expect(read(same.config)).toEqual(read(frame.config));
    expect(blobsOf(same.manifest).layers).toEqual(blobsOf(frame.manifest).layers);
  });

  test.each([
    ['an index', bytes({ manifests: [] }), 'expected object'],
    ['no JSON', new Uint8Array(Buffer.from('<html>')), 'JSON'],
  ])('%s in the place of a manifest is refused', (_, body, message) => {
    const other = { ...frame, manifest: { ...frame.manifest, body } };
    expect(() => addLayers(other, [single('c')])).toThrow(message);
  });
});

test('an index names the manifests of its platforms, and says what it is', () => {
  const { manifest } = single('a');
  const index = indexOf(new Map([['linux/arm64', manifest]]), { 'ai-run.key': 'k' });
  expect(index).toMatchObject({
    mediaType: 'application/vnd.oci.image.index.v1+json',
    platforms: ['linux/arm64'],
    children: [manifest.digest],
    annotations: { 'ai-run.key': 'k' },
  });
  expect(read(index.body)).toMatchObject({
    manifests: [{ size: manifest.body.length, mediaType: manifest.mediaType }],
  });
});

test('attestations in an index are of no platform, wherever they stand', () => {
  const index = bytes({
    manifests: [
      { digest: digest('1'), platform: { os: 'unknown', architecture: 'unknown' } },
      { digest: digest('2'), platform: { os: 'linux', architecture: 'arm64' } },
      { digest: digest('3') },
      { digest: digest('4'), platform: { os: 'linux', architecture: 'amd64' } },
    ],
  });
  expect([...manifestsOf(parseManifest(index))]).toEqual([
    ['linux/arm64', digest('2')],
    ['linux/amd64', digest('4')],
  ]);
});

describe('the frame of an image', () => {
  test('is its last stage without what it links', async () => {
    const path = join(fixtures, 'expected', 'otter.go.Dockerfile');
    const dockerfile = await readFile(path, 'utf8');
    const lines = frameOf(image({ dockerfile, layers: ['agent/otter linux/arm64'] }))
      .dockerfile.trimEnd()
      .split('\n');
    expect(lines[0]).toMatch(/^FROM \S+ AS image$/);
    expect(lines[1]).toBe('ENV LANG=C.UTF-8');
    expect(lines.at(-1)).toBe('ENTRYPOINT ["otter"]');
    expect(
      dockerfile
        .trimEnd()
        .split('\n')
        .slice(-(lines.length - 1)),
    ).toEqual(lines.slice(1));
  });

  test('is never taken for the image', () => {
    const whole = image({ layers: ['agent/otter linux/arm64'] });
    const frame = frameOf(whole);
    expect([frame.id, frame.layers]).toEqual([whole.id, []]);
    expect(frame.key).not.toBe(whole.key);
    expect(stagingTag(frame)).not.toBe(stagingTag(whole));
  });
});
