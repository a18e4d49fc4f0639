/** Removes the files of a home that do not outlive a session; host/tree.ts owns how. */

import { fateOf } from './lifetime.rules.ts';
import { type Held, holdFolder, makePrivate } from '../host/folder.ts';
import { below, discard, emptyTrash, namesIn } from '../host/tree.ts';

/**
 * Removes all files below a home except the kept ones, unless another session uses the home.
 * @param kept paths below the home, kept with all their contents
 * @param busy whether another session uses the home; called only if there is a file to remove
 * @returns the paths that could not be removed
 */
export async function sweep(
  home: string,
  trash: string,
  kept: readonly string[],
  busy: () => Promise<boolean>,
): Promise<readonly string[]> {
  const held = holdFolder(home);
  const bin = holdFolder(trash);
  const stuck: string[] = [];
  try {
    let asked = false;
    for (const { name, path } of leftovers(held, '', kept)) {
      // oxlint-disable-next-line no-await-in-loop -- asked at most once
      if (!asked && (await busy())) return [];
      asked = true;
      try {
        discard(path, bin);
      } catch {
        stuck.push(name);
      }
    }
    if (!emptyTrash(bin)) stuck.push(trash);
  } finally {
    held.close();
    bin.close();
  }
  return stuck;
}

/** Yields the paths to remove. A path is valid until the next one is requested, which may close its folder. */
function* leftovers(
  folder: Held,
  prefix: string,
  kept: readonly string[],
): Generator<{ readonly name: string; readonly path: Buffer }> {
  makePrivate(folder);
  for (const bytes of namesIn(folder)) {
    const name = `${prefix}${bytes.toString()}`;
    const path = below(folder, bytes);
    const fate = fateOf(name, kept);
    if (fate === 'keep') continue;
    const inner = fate === 'enter' ? folderOrNothing(path) : undefined;
    if (inner === undefined) yield { name, path };
    else {
      try {
        yield* leftovers(inner, `${name}/`, kept);
      } finally {
        inner.close();
      }
    }
  }
}

function folderOrNothing(path: Buffer): Held | undefined {
  try {
    return holdFolder(path);
  } catch {
    return undefined;
  }
}
