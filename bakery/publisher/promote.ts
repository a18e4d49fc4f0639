/** Moves the public tags of an image to an index. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { type Image, keyLabel } from '../plan/plan.rules.ts';
import { lostPlatforms, type Move, movesTo, publicTags } from './need.rules.ts';
import type { Registry } from '../registry/registry.ts';
import { readBack } from './read-back.ts';
import type { Journal } from './journal.ts';
import { readPublic } from './look.ts';

export type Promotion = {
  readonly registry: Registry;
  readonly journal: Journal;
  /** Allow a tag to lose a platform. */
  readonly drop: boolean;
  readonly signal: AbortSignal;
};

/**
 * Moves every public tag to this index, which has passed its tests: fixed tag first, moving tags last. Reads the tags again,
 * because the build since the plan may have taken hours.
 * @throws UserError E_LOST_PLATFORM before anything is written, E_READ_BACK, E_REGISTRY.
 */
export async function promote(
  image: Image,
  repository: string,
  index: Manifest,
  { registry, journal, drop, signal }: Promotion,
): Promise<Move[]> {
  const tags = await readPublic(registry, repository, publicTags(image));
  const lost = drop ? [] : lostPlatforms(index, tags);
  if (lost.length > 0) {
    throw new UserError('E_LOST_PLATFORM', `${lost.join(', ')}, which this would take away`, {
      hint: 'publish it for all its platforms, or pass --drop-platforms',
    });
  }
  const moves = movesTo(index.digest, tags);
  for (const { tag, from = null } of moves) {
    const reference = `${repository}:${tag}`;
    await journal.begin({ reference, from, to: index.digest, key: image.key });
    await registry.writeManifest(reference, index);
  }
  for (const { tag } of moves) {
    const reference = `${repository}:${tag}`;
    // Another run that publishes the same key has tested its index as well.
    const isSame = ({ digest, annotations }: Manifest): boolean =>
      digest === index.digest || annotations[keyLabel] === image.key;
    const { digest } = await readBack(registry, reference, isSame, signal);
    if (digest === index.digest) await journal.verify(reference);
  }
  return moves;
}
