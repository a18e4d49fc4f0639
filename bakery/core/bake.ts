import type { Command } from '../../ai-run/core/command.ts';
import { type Image, keyLabel, type Layer } from './plan.ts';

/** Where finished images go. */
export type Output =
  | { readonly to: 'engine' }
  /** `registry` may carry a namespace: `127.0.0.1:5000/acme`. */
  | { readonly to: 'registry'; readonly registry: string };

/** What build steps are given and images never hold. */
export type BuildInputs = {
  /** Secret files by BuildKit secret id: `ca`, `npmrc`, `uv`. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Proxy variables: predefined build arguments, which BuildKit keeps out of cache keys and history. */
  readonly args: Readonly<Record<string, string>>;
};

const secretFlags = ({ secrets }: BuildInputs): string[] =>
  Object.entries(secrets).map(([id, path]) => `type=file,id=${id},src=${path}`);

const outputOf = (output: Output): string =>
  output.to === 'engine'
    ? // Nobody downloads it from the engine, so nothing is compressed.
      'type=image,compression=uncompressed,oci-mediatypes=true'
    : // store=false: the engine keeps no copy, so composing an image pulls nothing. zstd: our layers are packed in a
      // third of gzip's time, and unpacked faster by everyone who pulls; upstream's layers stay as they are.
      'type=image,push=true,store=false,oci-mediatypes=true,compression=zstd';

export const tagOf = (image: Image, output: Output): string =>
  output.to === 'engine' ? image.reference : `${output.registry}/${image.reference}`;

/** A bake target may hold letters, digits, _ and - only. */
export const targetName = (image: Image): string => image.id.replaceAll(/[^a-z0-9_-]/g, '_');

/** Bake reads `${…}` and `%{…}` in every string as HCL's own templates; doubled, they stay as they are. */
const literal = (text: string): string => text.replaceAll(/[$%](?=\{)/g, '$&$&');

/** The bake file of these images. docs.docker.com/build/bake/reference */
export const bakeFile = (
  images: readonly Image[],
  output: Output,
  inputs: BuildInputs,
): Record<string, unknown> => ({
  group: { default: { targets: images.map(targetName) } },
  target: Object.fromEntries(
    images.map((image) => [
      targetName(image),
      {
        context: image.context,
        'dockerfile-inline': literal(image.dockerfile),
        target: 'image',
        platforms: image.platforms,
        tags: [tagOf(image, output)],
        output: [outputOf(output)],
        attest: ['type=provenance,disabled=true'],
        // Only an index of several platforms can carry it; it tells from the registry alone what need not be built.
        ...(output.to === 'registry' && image.platforms.length > 1
          ? { annotations: [`index:${keyLabel}=${image.key}`] }
          : {}),
        ...(Object.keys(inputs.secrets).length === 0 ? {} : { secret: secretFlags(inputs) }),
        ...(Object.keys(inputs.args).length === 0 ? {} : { args: inputs.args }),
      },
    ]),
  ),
});

/** Builds all images of a bake file given on standard input. Progress comes as JSON lines on standard error. */
export const bakeCommand = (inputs: BuildInputs): Command => ({
  file: 'docker',
  args: [
    'buildx',
    'bake',
    '--file=-',
    '--progress=rawjson',
    ...Object.values(inputs.secrets).map((path) => `--allow=fs.read=${path}`),
  ],
});

/** Builds one layer, its Dockerfile given on standard input, into the builder's cache. */
export const layerCommand = (layer: Layer, inputs: BuildInputs): Command => ({
  file: 'docker',
  args: [
    'buildx',
    'build',
    '--file=-',
    '--progress=rawjson',
    '--provenance=false',
    '--output=type=cacheonly',
    `--target=${layer.stage}`,
    `--platform=${layer.platform}`,
    ...secretFlags(inputs).map((secret) => `--secret=${secret}`),
    ...Object.keys(inputs.args).map((name) => `--build-arg=${name}`),
    layer.context,
  ],
  env: inputs.args,
});
