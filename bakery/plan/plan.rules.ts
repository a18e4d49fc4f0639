/** Plans layers and images, with their keys, from the cells of the matrix. */

import { createHash } from 'node:crypto';
import { contractLabel } from '@ai-bakery/kernel/image.ts';
import type { Platform } from '@ai-bakery/kernel/platform.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import {
  type Agent,
  type Catalogue,
  contractOf,
  lineage,
  lockedPlatforms,
  type Runtime,
} from '../catalogue/catalogue.rules.ts';
import { baseOf, type LayerText, type Renderer } from '../templates/dockerfile.rules.ts';
import { inputFiles } from '../catalogue/lock.rules.ts';
import type { Cell } from './matrix.rules.ts';
import { sourceName } from './origin.rules.ts';
import { sourceDate } from '../templates/source-date.rules.ts';

/** The files that a build gets. */
export type Context = {
  /** Their folder, relative to the checkout. */
  readonly context: string;
  readonly files: readonly ContextFile[];
};

type ContextFile = {
  readonly name: string;
  /** Of its bytes. */
  readonly digest: Digest;
};

/** A set of files, built once for one platform and linked into every image that needs it. */
export type Layer = Context & {
  /** `agent/claude linux/arm64` */
  readonly id: string;
  readonly platform: Platform;
  /** The stage whose `/out` becomes the layer. */
  readonly stage: string;
  /** Hash of everything that can change its bytes; the same wherever the upstream images are taken from. */
  readonly key: Digest;
  readonly dockerfile: string;
};

export type Image = Context & {
  /** `claude:go` */
  readonly id: string;
  readonly agent: string;
  readonly runtime: string;
  /** Its name in the local engine, `ai-claude:go`. */
  readonly reference: string;
  readonly platforms: readonly Platform[];
  readonly key: Digest;
  /** Hashes of the key's parts by name: `agent`, `runtime.go`, `base` (digest of the upstream image), `image`. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The agent's locked version. */
  readonly version: string;
  readonly dockerfile: string;
  /** Ids of the layers it is composed of, for all its platforms. */
  readonly layers: readonly string[];
  /** Its labels without the key. */
  readonly labels: Readonly<Record<string, string>>;
};

/** An image and the definitions it is made from. */
export type Subject = {
  readonly image: Image;
  readonly agent: Agent;
  readonly runtime: Runtime;
};

/** Layers, and the images they are composed into, as a value. */
export type Plan = {
  readonly layers: readonly Layer[];
  readonly images: readonly Image[];
  /** The same images, with their definitions. */
  readonly subjects: readonly Subject[];
};

/** The label that carries an image's input key. */
export const keyLabel = 'ai-run.key';

/** Renderers with the upstream images' own names, and with their names at the machine's mirrors. */
export type Renderers = { readonly canonical: Renderer; readonly local: Renderer };

/** Names one image on one platform in tables and results. */
export function cellName(image: Image, platform: Platform): string {
  return `${image.reference} ${platform}`;
}

/** The layers of a plan that these images are composed of. */
export function layersFor({ layers }: Pick<Plan, 'layers'>, images: readonly Image[]): Layer[] {
  return layers.filter(({ id }) => images.some((image) => image.layers.includes(id)));
}

/**
 * Plans the layers and images of these cells. Input keys are taken from the canonical text, so that two
 * machines with different mirrors agree on them, and from all locked platforms, so that they do not depend on a selection.
 * @param source URL of the repository that the definitions are kept in.
 */
export function plan(
  cells: readonly Cell[],
  { runtimes }: Catalogue,
  renderers: Renderers,
  upstreamLock: Readonly<Record<string, string>>,
  source?: string,
): Plan {
  const layers = new Map<string, Layer>();
  const subjects = cells.map((cell): Subject => {
    const { agent, runtime, platforms } = cell;
    const parts = lockedPlatforms(agent).flatMap((platform) =>
      layersOf(cell, platform, runtimes, renderers),
    );
    const own = parts.filter(({ platform }) => platforms.includes(platform));
    for (const layer of own) layers.set(layer.id, layer);
    const base = baseOf(runtime, runtimes);
    const baseDigest = upstreamLock[base] ?? '';
    const version = agent.lock.version ?? '';
    const labels = labelsOf(agent, runtime, base, baseDigest, source);
    const text = renderers.canonical.image(agent, runtime, labels);
    const key = sha256([text, parts.map((layer) => layer.key)]);
    const reference = `ai-${agent.name}:${runtime.name}`;
    const context = `agents/${agent.name}`;
    const texts = parts
      .filter(({ platform }) => platform === platforms[0])
      .map(({ dockerfile }) => `${dockerfile}\n`);
    const image: Image = {
      id: `${agent.name}:${runtime.name}`,
      agent: agent.name,
      runtime: runtime.name,
      reference,
      platforms,
      key,
      inputs: inputsOf(parts, text, baseDigest, version),
      version,
      dockerfile: [
        header(reference, context),
        ...texts,
        renderers.local.image(agent, runtime, { ...labels, [keyLabel]: key }),
      ].join(''),
      context,
      files: unique(parts.filter((part) => part.context === context).flatMap(({ files }) => files)),
      layers: own.map(({ id }) => id),
      labels,
    };
    return { image, agent, runtime };
  });
  return { layers: [...layers.values()], images: subjects.map(({ image }) => image), subjects };
}

/** Every layer that a cell's image is made of on one platform, the base's first. */
function layersOf(
  { agent, runtime }: Cell,
  platform: Platform,
  runtimes: readonly Runtime[],
  { canonical, local }: Renderers,
): Layer[] {
  const layer = (
    id: string,
    context: string,
    inputs: Inputs,
    render: (by: Renderer) => LayerText,
  ): Layer => ({
    id: `${id} ${platform}`,
    platform,
    stage: render(local).stage,
    key: sha256([render(canonical).text, platform, inputs]),
    dockerfile: render(local).text,
    context,
    files: inputs.map(([name, text]) => ({ name, digest: digestOf(text) })),
  });
  return [
    ...lineage(runtime, runtimes).map((part) =>
      layer(`runtime/${part.name}`, `runtimes/${part.name}`, [], (by) => by.runtimeLayer(part)),
    ),
    layer(`agent/${agent.name}`, `agents/${agent.name}`, filesOf(agent, platform), (by) =>
      by.agentLayer(agent),
    ),
  ];
}

function labelsOf(
  agent: Agent,
  runtime: Runtime,
  base: string,
  baseDigest: string,
  source: string | undefined,
): Record<string, string> {
  return {
    'org.opencontainers.image.title': `${agent.title} on ${runtime.title}`,
    'org.opencontainers.image.version': agent.lock.version ?? '',
    'org.opencontainers.image.url': agent.homepage,
    'org.opencontainers.image.licenses': agent.license,
    ...(source === undefined ? {} : { [sourceName]: source }),
    'org.opencontainers.image.base.name': base,
    'org.opencontainers.image.base.digest': baseDigest,
    'ai-run.runtime': runtime.name,
    [contractLabel]: JSON.stringify(contractOf(agent)),
  };
}

function sha256(value: unknown): Digest {
  return digestOf(JSON.stringify(value));
}

function digestOf(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function unique(files: Context['files']): Context['files'] {
  return [...new Map(files.map((file) => [file.name, file])).values()];
}

/** The parts of an image's key, so that a registry shows later which of them has changed. */
function inputsOf(
  parts: readonly Layer[],
  text: string,
  baseDigest: string,
  version: string,
): Record<string, string> {
  // The digest of the base and the version are inputs of their own.
  const rest = [baseDigest, version].reduce(
    (before, part) => (part === '' ? before : before.replaceAll(part, '')),
    text,
  );
  const names = [...new Set(parts.map(({ id }) => id.replace(/ .*$/, '')))];
  const keysOf = (name: string): Digest[] =>
    parts.filter(({ id }) => id.startsWith(`${name} `)).map(({ key }) => key);
  return {
    ...Object.fromEntries(
      names.map((name) => [
        name.startsWith('agent/') ? 'agent' : name.replace('/', '.'),
        sha256(keysOf(name)),
      ]),
    ),
    base: baseDigest,
    image: sha256(rest),
  };
}

function header(reference: string, context: string): string {
  return [
    `# ${reference}, rendered by bakery. Without the bakery, from the root of the checkout:`,
    `#   docker buildx build --file ${reference.replace(':', '.')}.Dockerfile --build-arg SOURCE_DATE_EPOCH=${sourceDate} ${context}`,
    '# Behind an inspecting proxy, add its CA: --secret id=ca,src=/path/to/ca.pem',
    '',
    '',
  ].join('\n');
}

/** Texts that a layer is built from, by file name. */
type Inputs = readonly (readonly [name: string, text: string])[];

/** The texts that an agent's layer is built from on one platform. */
function filesOf(agent: Agent, platform: Platform): Inputs {
  return inputFiles(agent, platform).map((name) => [name, agent.files[name] ?? ''] as const);
}
