import { contractLabel } from '@ai-bakery/kernel/image.ts';
import { engineError } from '../engine/engine-error.rules.ts';
import { listedIds, type ListedImage, parseImages } from './image-list.rules.ts';
import { capture } from '../host/exec.ts';

/** Milliseconds that an engine gets to answer: one that cannot be reached would take minutes to say so. */
const patience = 60_000;

/**
 * The agents' images that the engine has: those that carry a contract.
 * @throws UserError E_NO_ENGINE
 */
export async function listImages(): Promise<readonly ListedImage[]> {
  const json = '--format={{json .}}';
  const ls = await ask([
    'image',
    'ls',
    '--no-trunc',
    '--digests',
    `--filter=label=${contractLabel}`,
    json,
  ]);
  const ids = listedIds(ls);
  return parseImages(ls, ids.length === 0 ? '' : await ask(['image', 'inspect', json, ...ids]));
}

async function ask(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await capture({ file: 'docker', args }, undefined, patience);
  // Of several images one may be gone by now: the others are told.
  if (code !== 0 && stdout.trim() === '')
    throw engineError(stderr.trim() === '' ? `no answer in ${patience / 1000} seconds` : stderr);
  return stdout;
}
