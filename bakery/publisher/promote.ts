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
  /** Let a tag lose a platform. */
  readonly drop: boolean;
  readonly signal: AbortSignal;
};

/**
 * Points every public tag of an image to this index, which has passed its tests: fixed tag first, moving tags last. Reads
 * them as they are now, because a long build has passed since they were looked at.
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
      hint: 'publish it for all its platforms, or say --drop-platforms',
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
    // Somebody else who publishes the same has tested it as well.
    const isSame = ({ digest, annotations }: Manifest): boolean =>
      digest === index.digest || annotations[keyLabel] === image.key;
    const { digest } = await readBack(registry, reference, isSame, signal);
    if (digest === index.digest) await journal.verify(reference);
  }
  return moves;
}
