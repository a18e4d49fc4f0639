import { contractLabel } from '../core/image.ts';
import { engineError } from '../core/engine-error.ts';
import { listedIds, type ListedImage, parseImages } from '../core/image-list.ts';
import { capture } from '../exec.ts';

/** Milliseconds that an engine gets to answer: one that cannot be reached would take minutes to say so. */
const patience = 60_000;

const ask = async (args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await capture({ file: 'docker', args }, undefined, patience);
  // Of several images one may be gone by now: the others are told.
  if (code !== 0 && stdout.trim() === '')
    throw engineError(stderr.trim() === '' ? `no answer in ${patience / 1000} seconds` : stderr);
  return stdout;
};

/**
 * The agents' images that the engine has: those that carry a contract.
 * @throws UserError E_NO_ENGINE
 */
export const listImages = async (): Promise<readonly ListedImage[]> => {
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
};
