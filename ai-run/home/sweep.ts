import { fateOf } from './lifetime.rules.ts';
import { type Held, holdFolder, makePrivate } from '../host/folder.ts';
import { below, discard, emptyTrash, namesIn } from '../host/tree.ts';

/** What of a home is not to be kept, and removing it: see files/tree for how. */

/**
 * Removes everything below a home that is not to be kept, unless another session uses it.
 * @param kept paths below the home, kept with all they hold
 * @param busy is asked only where there is something to remove
 * @returns what could not be removed
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
      // oxlint-disable-next-line no-await-in-loop -- once
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

/** What is below a home and not to be kept, one path after the other; each can be reached until the next is asked for. */
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
