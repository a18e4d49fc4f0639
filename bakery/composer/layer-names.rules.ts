/** Names, texts and annotations of layers in a registry. */

import { architecture } from '@ai-bakery/kernel/platform.ts';
import { type Layer, keyLabel } from '../plan/plan.rules.ts';

/**
 * The repository of all layers; images are in other repositories, which mount the layers.
 * @param registry with its namespace: `registry.example.com/ai`.
 */
export function layersIn(registry: string): string {
  return `${registry}/ai-layers`;
}

/** A layer's name without its platform: `agent/claude`, `runtime/go`. */
export function partOf({ id }: Layer): string {
  return id.split(' ')[0] ?? '';
}

/** `layer-0123456789ab-arm64` */
export function layerTag({ key, platform }: Layer): string {
  return `layer-${key.replace('sha256:', '').slice(0, 12)}-${architecture(platform)}`;
}

export function isLayerTag(tag: string): boolean {
  return /^layer-[0-9a-f]{12}-/.test(tag);
}

/**
 * Each layer has its own tag, so that jobs do not overwrite each other's layers.
 * @param registry with its namespace: `registry.example.com/ai`.
 */
export function layerReference(registry: string, layer: Layer): string {
  return `${layersIn(registry)}:${layerTag(layer)}`;
}

/**
 * The Dockerfile of an image that consists of this layer. It ends in the step by which images link a layer, so that BuildKit
 * runs the step once for both, and both have the same bytes; a merge with `scratch` is not a step.
 */
export function linkedText({ dockerfile, stage }: Layer): string {
  return `${dockerfile}\nFROM scratch\nCOPY --link --from=${stage} /out/ /\n`;
}

/** The annotations of a layer's manifest. */
export function layerAnnotations(layer: Layer, created: string): Record<string, string> {
  return {
    [keyLabel]: layer.key,
    'org.opencontainers.image.title': layer.id,
    'org.opencontainers.image.created': created,
  };
}
