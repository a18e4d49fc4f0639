/** Finds the object folders of a repository, including the ones that it borrows from. */

import { isAbsolute, join } from 'node:path';
import { isFolder } from '../host/folder.ts';
import { realPathOf } from '../host/places.ts';
import { readRegularFile } from '../host/read-regular-file.ts';

/** In bytes. */
const longest = 1024 * 1024;

/** The number of alternates in a chain that git follows. */
const deepest = 5;

/**
 * The object folders of a repository: its own and, through `info/alternates`, the ones that it borrows from
 * (gitrepository-layout(5)), as real paths.
 */
export async function objectFolders(commonDir: string): Promise<string[]> {
  const found = new Set<string>();
  let level = [join(commonDir, 'objects')];
  for (let depth = 0; depth <= deepest; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      const path = realPathOf(folder);
      if (path === undefined || found.has(path)) continue;
      // An alternate is a line of text: only object folders of git are accepted, not any folder of the machine.
      if (!isFolder(join(path, 'pack'))) continue;
      found.add(path);
      const text = await readRegularFile(join(path, 'info/alternates'), longest);
      for (const line of text?.split('\n') ?? [])
        if (line !== '' && !line.startsWith('#'))
          next.push(isAbsolute(line) ? line : join(path, line));
    }
    level = next;
  }
  return [...found];
}
