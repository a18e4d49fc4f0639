import { createHash } from 'node:crypto';
import type { Manifest } from '../../../bakery/registry/manifest.rules.ts';
import { parseManifest } from '../../../bakery/registry/manifest.rules.ts';
import type { Image } from '../../../bakery/plan/plan.rules.ts';
import { annotationsOf } from '../../../bakery/publisher/need.rules.ts';
import { digest } from '../support.ts';

/** Images and what a registry has of them, made in memory. */

export const image = (changes: Partial<Image> = {}): Image => ({
  id: 'otter:php8.4',
  agent: 'otter',
  runtime: 'php8.4',
  reference: 'ai-otter:php8.4',
  platforms: ['linux/amd64', 'linux/arm64'],
  key: digest('a'),
  inputs: {
    agent: digest('1'),
    'runtime.base': digest('2'),
    base: digest('3'),
    image: digest('4'),
  },
  version: '1.2.3',
  dockerfile: 'FROM scratch AS image\n',
  context: 'agents/otter',
  layers: [],
  labels: {},
  ...changes,
});

const child = (platform: string, word: string): object => ({
  digest: `sha256:${createHash('sha256').update(`${platform} ${word}`).digest('hex')}`,
  platform: { os: platform.split('/')[0], architecture: platform.split('/')[1] },
});

/** The index of an image as it is pushed; another `word` makes another one of the same key. */
export const indexOf = (
  of: Image,
  word = '',
  platforms: readonly string[] = of.platforms,
): Manifest =>
  parseManifest(
    new Uint8Array(
      Buffer.from(
        JSON.stringify({
          mediaType: 'application/vnd.oci.image.index.v1+json',
          manifests: platforms.map((platform) => child(platform, word)),
          annotations: annotationsOf(of, '2026-11-01T00:00:00Z'),
        }),
      ),
    ),
  );
