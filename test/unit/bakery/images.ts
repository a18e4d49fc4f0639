import { createHash } from 'node:crypto';
import type { Manifest } from '../../../bakery/registry/manifest.rules.ts';
import { parseManifest } from '../../../bakery/registry/manifest.rules.ts';
import type { Image, Subject } from '../../../bakery/plan/plan.rules.ts';
import { nothingAttested } from '../../../bakery/builder/attest.rules.ts';
import { annotationsOf, publicTags } from '../../../bakery/publisher/need.rules.ts';
import type {
  FoundImage,
  PublicationRequest,
} from '../../../bakery/publisher/publication.rules.ts';
import type { Platform } from '../../../kernel/platform.ts';
import { agentFolder, baseFolder, digest, readCatalogue } from '../support.ts';

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
  files: [],
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

/** The registry's state of an image; a list names the platforms on which the staged index was tested. */
export type State = 'missing' | 'staged' | 'tested' | 'current' | readonly Platform[];

const definitions = readCatalogue([agentFolder()], [baseFolder]);

export const subject = (of: Image): Subject => {
  const [agent] = definitions.agents;
  const [runtime] = definitions.runtimes;
  if (agent === undefined || runtime === undefined) throw new Error('there are no definitions');
  return { image: of, agent, runtime };
};

/** An image as a registry has it. */
export const foundImage = (of: Image, state: State, signed?: boolean): FoundImage => {
  const index = indexOf(of);
  const tested =
    state === 'tested' || state === 'current'
      ? of.platforms
      : typeof state === 'string'
        ? []
        : state;
  return {
    subject: subject(of),
    repository: `registry.example.com/ai/ai-${of.agent}`,
    testKey: 'c'.repeat(64),
    held: {
      tags: new Map(publicTags(of).map((tag) => [tag, state === 'current' ? index : undefined])),
      staged: state === 'missing' || state === 'current' ? undefined : index,
      tested: new Map(state === 'missing' ? [] : [[index.digest, tested]]),
      ...(signed === undefined
        ? {}
        : { signed: new Set(signed && state !== 'missing' ? [index.digest] : []) }),
    },
  };
};

export const request = (changes: Partial<PublicationRequest> = {}): PublicationRequest => ({
  registry: 'registry.example.com/ai',
  from: 'stage',
  until: 'promote',
  force: false,
  dropPlatforms: false,
  signing: undefined,
  scanning: undefined,
  attest: nothingAttested,
  ...changes,
});
