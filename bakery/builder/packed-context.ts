/** Packs build contexts with tar-fs: exactly the files that a layer's key hashes, and no attribute of this machine. */

import { createHash, type Hash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract, type Headers, pack, type Pack } from 'tar-fs';
import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Context } from '../plan/plan.rules.ts';
import { sourceDate } from '../templates/source-date.rules.ts';

/** The name of the Dockerfile in a packed context. */
const dockerfileName = 'Dockerfile';

/**
 * Packs a context and its Dockerfile, as `docker buildx build -` reads them.
 * @throws UserError E_CONTEXT if a file is not the one that was hashed.
 */
export function packContext(root: string, context: Context, dockerfile: string): Promise<Buffer> {
  return packed(root, context, (all) => {
    all.entry({ ...normalized, name: dockerfileName, type: 'file' }, dockerfile);
  });
}

/**
 * Unpacks contexts in a folder of their own, with `use`, and removes it. A bake file, which can only name folders, gets the
 * same files with the same modes as layers do, so that the builder finds the layers in its cache.
 * @throws UserError E_CONTEXT if a file is not the one that was hashed.
 */
export async function withContexts<T>(
  root: string,
  contexts: readonly Context[],
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bakery-contexts-'));
  try {
    for (const context of new Map(contexts.map((one) => [one.context, one])).values()) {
      const target = join(folder, context.context);
      await mkdir(target, { recursive: true });
      await pipeline([await packed(root, context)], extract(target, { fmode: 0o644 }));
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const normalized = { mode: 0o644, mtime: new Date(sourceDate * 1000), uid: 0, gid: 0 };

async function packed(
  root: string,
  { context, files }: Context,
  more: (all: Pack) => void = () => {},
): Promise<Buffer> {
  const hashes = new Map<string, Hash>();
  const tar = pack(join(root, context), {
    entries: files.map(({ name }) => name),
    map: (header: Headers) => ({ ...header, ...normalized }),
    mapStream: (stream, { name }) => {
      const hash = createHash('sha256');
      hashes.set(name, hash);
      return stream.on('data', (chunk) => hash.update(chunk));
    },
    finalize: false,
    finish: (all) => {
      more(all);
      all.finalize();
    },
  });
  const bytes = await buffer(tar).catch((error: unknown) => {
    throw changed(context, 'a file cannot be read', error);
  });
  for (const { name, digest } of files)
    if (`sha256:${hashes.get(name)?.digest('hex')}` !== digest)
      throw changed(context, `${name} is not the file that was hashed`);
  return bytes;
}

function changed(context: string, what: string, cause?: unknown): UserError {
  return new UserError('E_CONTEXT', `${context}: ${what}`, {
    hint: 'repeat the command: the file changed after its key was made',
    cause,
  });
}
