import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { repositoryOf, type RegistryOutput } from '../builder/bake-file.rules.ts';
import { addLayers, blobsOf, indexOf, manifestsOf, type Single } from './manifests.rules.ts';
import { layersIn } from './layer-names.rules.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import type { Image } from '../plan/plan.rules.ts';
import { annotationsOf, stagingTag } from '../publisher/need.rules.ts';
import type { Registry } from '../registry/registry.ts';
import type { ProvidedLayer } from '../publisher/registry-layers.ts';
import type { Share } from './share.ts';

/**
 * Stages an image out of what the registry has: its frame, in the image's own repository, and its layers, which it gets a share
 * of. Children come before the index, and the tag comes last.
 * @param frame the index of the image without layers.
 * @param provided every layer of the image.
 * @throws UserError E_REGISTRY, E_NO_LAYER for one that is not there.
 */
export async function composeImage(
  image: Image,
  frame: Manifest,
  provided: readonly ProvidedLayer[],
  { registry: where, created, origin }: RegistryOutput,
  registry: Registry,
  share: Share,
): Promise<Manifest> {
  const repository = repositoryOf(where, image);
  const layers = layersIn(where);

  const readSingle = async (place: string, manifest: Manifest): Promise<Single> => ({
    manifest,
    config: await registry.readBlob(place, blobsOf(manifest).config),
  });

  const take = async (layer: ProvidedLayer): Promise<Single> => {
    const { manifest } = layer;
    if (manifest === undefined)
      throw new UserError('E_NO_LAYER', `${layer.reference} is not there`);
    await Promise.all(blobsOf(manifest).layers.map((digest) => share(repository, digest)));
    return readSingle(layers, manifest);
  };

  const composeFor = async ([platform, digest]: [string, Digest]): Promise<[string, Manifest]> => {
    const found = await registry.readManifest(`${repository}@${digest}`);
    if (found === undefined)
      throw new UserError('E_REGISTRY', `${repository}@${digest} is not there`);
    const own = provided.filter(({ layer }) => layer.platform === platform);
    const whole = addLayers(await readSingle(repository, found), await Promise.all(own.map(take)));
    await registry.writeBlob(repository, whole.config);
    await registry.writeManifest(`${repository}@${whole.manifest.digest}`, whole.manifest);
    return [platform, whole.manifest];
  };

  const singles = new Map(await Promise.all([...manifestsOf(frame)].map(composeFor)));
  const index = indexOf(singles, annotationsOf(image, created, origin));
  await registry.writeManifest(`${repository}:${stagingTag(image)}`, index);
  return index;
}
