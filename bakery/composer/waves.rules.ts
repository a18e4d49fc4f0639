/** Divides images into waves that are pushed together. */

import type { Image } from '../plan/plan.rules.ts';

/**
 * BuildKit uploads a layer once for each image that it pushes at the same time, and
 * mounts it if it was pushed before. So no two images of a wave share a layer that
 * was in no wave before; their upstream base counts as one, which is why the first image goes alone.
 */
export function pushWaves(images: readonly Image[]): Image[][] {
  const waves: Image[][] = [];
  const pushed = new Set<string>();
  let waiting = images;
  while (waiting.length > 0) {
    const claimed = new Set<string>();
    const wave = waiting.filter((image) => {
      const fresh = [`base ${image.inputs['base'] ?? ''}`, ...image.layers].filter(
        (layer) => !pushed.has(layer),
      );
      if (fresh.some((layer) => claimed.has(layer))) return false;
      for (const layer of fresh) claimed.add(layer);
      return true;
    });
    for (const layer of claimed) pushed.add(layer);
    waiting = waiting.filter((image) => !wave.includes(image));
    waves.push(wave);
  }
  return waves;
}
