/** Composes an image in a registry from its frame and its layers. */

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
 * Stages an image from its frame, which is in the image's own repository, and its layers, which are mounted there. Children
 * are written before the index, and the tag last.
 * @param frame the index of the image without layers.
 * @param provided every layer of the image.
 * @throws UserError E_REGISTRY, E_NO_LAYER for a layer that is missing.
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
    if (manifest === undefined) throw new UserError('E_NO_LAYER', `${layer.reference} not found`);
    await Promise.all(blobsOf(manifest).layers.map((digest) => share(repository, digest)));
    return readSingle(layers, manifest);
  };

  const composeFor = async ([platform, digest]: [string, Digest]): Promise<[string, Manifest]> => {
    const found = await registry.readManifest(`${repository}@${digest}`);
    if (found === undefined) throw new UserError('E_REGISTRY', `${repository}@${digest} not found`);
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
