/** Writes the files that make a folder a git repository. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatRefs, type Refs } from './refs.rules.ts';

export async function writeSkeleton(
  folder: string,
  files: {
    readonly config: string;
    readonly head: string;
    readonly refs: Refs;
    readonly alternates: readonly string[];
  },
): Promise<void> {
  for (const name of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info', 'hooks'])
    await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  await Promise.all([
    writeFile(join(folder, 'config'), files.config),
    writeFile(join(folder, 'HEAD'), `${files.head}\n`),
    writeFile(join(folder, 'packed-refs'), formatRefs(files.refs)),
    writeFile(
      join(folder, 'objects/info/alternates'),
      files.alternates.map((path) => `${path}\n`).join(''),
    ),
  ]);
}
