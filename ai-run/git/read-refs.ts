/** Reads the refs and HEAD of a repository as data: no git runs in it. */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { isFolder } from '../host/folder.ts';
import { readRegularFile } from '../host/read-regular-file.ts';
import { walk } from '../host/walk.ts';
import type { Repository } from './locate.ts';
import { parseRef, parseRefs, type Refs } from './refs.rules.ts';

const mebibyte = 1024 * 1024;

const largest = { refs: 100_000, packed: 64 * mebibyte };

/** The number of symbolic refs in a chain that git follows. */
const deepest = 5;

/**
 * All refs of a repository, without symbolic links, symbolic refs and names that git refuses.
 * @throws UserError E_GIT for more refs than ai-run reads.
 */
export async function readRefs(commonDir: string): Promise<Refs> {
  const path = join(commonDir, 'packed-refs');
  const packed = await readRegularFile(path, largest.packed);
  if (packed === undefined && lstatSync(path, { throwIfNoEntry: false })?.isFile() === true)
    throw tooMany(commonDir);
  const refs = new Map(parseRefs(packed ?? ''));
  await addLooseRefs(commonDir, refs);
  return refs;
}

/** The branch or commit that HEAD names. */
export async function readHead(gitDir: string): Promise<ReturnType<typeof parseRef>> {
  return parseRef((await readRegularFile(join(gitDir, 'HEAD'), 1024)) ?? '');
}

/** The branch or commit that HEAD resolves to: a branch may be a symbolic ref. git-symbolic-ref(1) */
export async function followHead({
  gitDir,
  commonDir,
}: Pick<Repository, 'gitDir' | 'commonDir'>): ReturnType<typeof readHead> {
  let head = await readHead(gitDir);
  for (let depth = 0; depth < deepest && head !== undefined && 'ref' in head; depth += 1) {
    const next = parseRef((await readRegularFile(join(commonDir, head.ref), 1024)) ?? '');
    if (next === undefined || 'id' in next) return head;
    head = next;
  }
  return head;
}

async function addLooseRefs(gitDir: string, refs: Map<string, string>): Promise<void> {
  const root = join(gitDir, 'refs');
  if (!isFolder(root)) return;
  let count = 0;
  for (const { path, entries } of walk(root, { folders: largest.refs, depth: 32 }, new Set())) {
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      if ((count += 1) > largest.refs) throw tooMany(gitDir);
      const ref = parseRef((await readRegularFile(join(root, path, entry.name), 1024)) ?? '');
      const name = ['refs', path, entry.name].filter((part) => part !== '').join('/');
      if (ref === undefined || !('id' in ref)) continue;
      for (const [key, id] of parseRefs(`${ref.id} ${name}`)) refs.set(key, id);
    }
  }
}

/** Refuses instead of truncating: a skipped ref could lose commits. */
function tooMany(gitDir: string): UserError {
  return new UserError('E_GIT', `${gitDir} has more refs than ai-run reads`, {
    hint: `at most ${largest.refs} in files of their own, and ${largest.packed / mebibyte} MiB packed; --git none hides the repository`,
  });
}
