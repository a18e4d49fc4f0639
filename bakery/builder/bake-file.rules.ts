/** Bake files and commands of docker buildx. */

import { z } from 'zod';
import { parseAnswer } from '@ai-bakery/kernel/json.ts';
import type { Command } from '@ai-bakery/kernel/command.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { type Attest, attestations, nothingAttested } from './attest.rules.ts';
import { layerAnnotations, layerReference } from '../composer/layer-names.rules.ts';
import { DigestText } from '../registry/manifest.rules.ts';
import type { Origin } from '../plan/origin.rules.ts';
import type { Image, Layer } from '../plan/plan.rules.ts';
import { annotationsOf, stagingTag } from '../publisher/need.rules.ts';
import { sourceDate } from '../templates/source-date.rules.ts';

/** Output into a registry, under the staging tags; `created` is RFC 3339. */
export type RegistryOutput = {
  readonly to: 'registry';
  /** It may carry a namespace: `127.0.0.1:5000/acme`. */
  readonly registry: string;
  readonly created: string;
  /** Push without a tag; the caller writes the tag. */
  readonly byDigest?: boolean;
  readonly origin?: Origin;
  readonly attest?: Attest;
};

/** The destination of finished images. */
export type Output = EngineOutput | RegistryOutput;

/** Output into the engine; `load` if the builder is not the engine's own and has to hand images over. */
export type EngineOutput = { readonly to: 'engine'; readonly load?: boolean };

/** Inputs of build steps that images never contain. */
export type BuildInputs = {
  /** Secret files by BuildKit secret id: `ca`, `npmrc`, `uv`. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Proxy variables: predefined build arguments, which BuildKit keeps out of cache keys and history. */
  readonly args: Readonly<Record<string, string>>;
};

/** The last stage of every rendered Dockerfile. */
const imageStage = 'image';

// docs.docker.com/reference/cli/docker/buildx/bake/#metadata-file
const Metadata = z.record(z.string(), z.unknown());

const Pushed = z.object({ 'containerimage.digest': DigestText });

/** `127.0.0.1:5000/acme/ai-claude` */
export function repositoryOf(registry: string, image: Image): string {
  return `${registry}/ai-${image.agent}`;
}

export function tagOf(image: Image, output: Output): string {
  return output.to === 'engine'
    ? image.reference
    : `${repositoryOf(output.registry, image)}:${stagingTag(image)}`;
}

/** A bake target may hold letters, digits, _ and - only. */
export function targetName(image: Image): string {
  return image.id.replaceAll(/[^a-z0-9_-]/g, '_');
}

/**
 * The bake file of these images. docs.docker.com/build/bake/reference
 * @param noCache link the layers anew as well.
 */
export function bakeFile(
  images: readonly Image[],
  output: Output,
  inputs: BuildInputs,
  noCache = false,
): Record<string, unknown> {
  return {
    group: { default: { targets: images.map(targetName) } },
    target: Object.fromEntries(
      images.map((image) => [
        targetName(image),
        {
          context: image.context,
          'dockerfile-inline': literal(image.dockerfile),
          target: imageStage,
          platforms: image.platforms,
          ...destinationOf(image, output),
          attest: attestations(attestedTo(output)),
          ...(output.to === 'engine'
            ? {}
            : {
                annotations: Object.entries(
                  annotationsOf(image, output.created, output.origin),
                ).map(([name, value]) => literal(`index:${name}=${value}`)),
              }),
          ...(Object.keys(inputs.secrets).length === 0 ? {} : { secret: secretFlags(inputs) }),
          args: argsOf(output, inputs),
          ...(noCache ? { 'no-cache-filter': [imageStage] } : {}),
        },
      ]),
    ),
  };
}

/**
 * Builds all images of the bake file on standard input. Progress comes as JSON lines on standard error.
 * @param metadata file for buildx's result.
 */
export function bakeCommand(inputs: BuildInputs, metadata?: string): Command {
  return {
    file: 'docker',
    args: [
      'buildx',
      'bake',
      '--file=-',
      '--progress=rawjson',
      ...(metadata === undefined ? [] : [`--metadata-file=${metadata}`]),
      ...Object.values(inputs.secrets).map((path) => `--allow=fs.read=${path}`),
    ],
  };
}

/** The digests that buildx reports, by image id. */
export function pushedDigests(
  text: string | undefined,
  images: readonly Image[],
): ReadonlyMap<string, Digest> {
  const metadata = text === undefined ? {} : parseAnswer(text, Metadata, 'docker buildx bake');
  return new Map(
    images.flatMap((image) => {
      const parsed = Pushed.safeParse(metadata[targetName(image)]);
      return parsed.success ? [[image.id, parsed.data['containerimage.digest']] as const] : [];
    }),
  );
}

/**
 * Builds one layer, whose packed context is on standard input, into the builder's cache.
 * @param noCache run its steps even if the cache has them.
 */
export function layerCommand(layer: Layer, inputs: BuildInputs, noCache = false): Command {
  return buildCommand(layer, inputs, [
    '--output=type=cacheonly',
    ...cacheless(noCache),
    `--target=${layer.stage}`,
  ]);
}

/**
 * Builds one layer, whose packed context with its `linkedText` is on standard input, into a registry.
 * @param noCache run its steps even if the cache has them.
 */
export function layerPushCommand(
  layer: Layer,
  inputs: BuildInputs,
  output: RegistryOutput,
  noCache = false,
): Command {
  return buildCommand(layer, inputs, [
    ...cacheless(noCache),
    `--output=${outputOf(output)}`,
    `--tag=${layerReference(output.registry, layer)}`,
    ...Object.entries(layerAnnotations(layer, output.created)).map(
      ([name, value]) => `--annotation=manifest:${name}=${value}`,
    ),
  ]);
}

/** Doubles `${` and `%{`, which bake reads as templates of HCL in every string. */
function literal(text: string): string {
  return text.replaceAll(/[$%](?=\{)/g, '$&$&');
}

/** Images in the engine get no attestations. */
function attestedTo(output: Output): Attest {
  return (output.to === 'registry' ? output.attest : undefined) ?? nothingAttested;
}

function secretFlags({ secrets }: BuildInputs): string[] {
  return Object.entries(secrets).map(([id, path]) => `type=file,id=${id},src=${path}`);
}

function argsOf(output: Output, { args }: BuildInputs): Record<string, string> {
  return {
    ...args,
    // BuildKit's own arguments: the times in the configuration; and an index even where there is one platform, because
    // only an index carries annotations.
    SOURCE_DATE_EPOCH: String(sourceDate),
    ...(output.to === 'engine' ? {} : { BUILDKIT_MULTI_PLATFORM: '1' }),
  };
}

/** Builds the packed context on standard input, for one layer. */
function buildCommand(layer: Layer, inputs: BuildInputs, flags: readonly string[]): Command {
  return {
    file: 'docker',
    args: [
      'buildx',
      'build',
      '--file=Dockerfile',
      '--progress=rawjson',
      '--provenance=false',
      ...flags,
      `--platform=${layer.platform}`,
      ...secretFlags(inputs).map((secret) => `--secret=${secret}`),
      ...Object.keys(inputs.args).map((name) => `--build-arg=${name}`),
      // The same value as for images, so that the cache has steps that depend on it.
      `--build-arg=SOURCE_DATE_EPOCH=${sourceDate}`,
      '-',
    ],
    env: inputs.args,
  };
}

function outputOf(output: Output): string {
  return output.to === 'engine'
    ? // Images in the engine are not downloaded, so they are not compressed.
      `type=${output.load === true ? 'docker' : 'image'},compression=uncompressed,oci-mediatypes=true`
    : // store=false: the engine keeps no copy, so composing an image pulls nothing. zstd: our layers are packed in a
      // third of gzip's time, and unpacked faster by everyone who pulls; upstream's layers stay as they are.
      'type=image,push=true,store=false,oci-mediatypes=true,compression=zstd';
}

/** The tags and the output of an image. */
function destinationOf(image: Image, output: Output): { tags?: string[]; output: string[] } {
  return output.to === 'registry' && output.byDigest === true
    ? {
        output: [
          `${outputOf(output)},push-by-digest=true,name-canonical=true,name=${repositoryOf(output.registry, image)}`,
        ],
      }
    : { tags: [tagOf(image, output)], output: [outputOf(output)] };
}

function cacheless(noCache: boolean): string[] {
  return noCache ? ['--no-cache'] : [];
}
