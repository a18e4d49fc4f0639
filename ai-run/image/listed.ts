/** The agents' images in the engine, by docker's client. */

import { contractLabel } from '@ai-bakery/kernel/image.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { engineError, versionHint } from '../engine/engine-error.rules.ts';
import { listedIds, type ListedImage, parseImages } from './image-list.rules.ts';
import { capture } from '../host/exec.ts';

/** Milliseconds to wait for an engine: docker's client would wait minutes for one that is unreachable. */
const patience = 60_000;

/**
 * Lists the agents' images in the engine, which are those with a contract.
 * @throws UserError E_NO_ENGINE, E_ANSWER
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
  if (ids.length === 0) return [];
  const inspect = await ask(['image', 'inspect', json, ...ids]);
  if (inspect.trim() === '')
    throw new UserError('E_ANSWER', 'unexpected answer from docker image inspect: it is empty', {
      hint: versionHint,
    });
  return parseImages(ls, inspect);
}

async function ask(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await capture({ file: 'docker', args }, undefined, patience);
  // One of several images may be gone by now; docker still prints the others.
  if (code !== 0 && stdout.trim() === '')
    throw engineError(stderr.trim() === '' ? `no answer in ${patience / 1000} seconds` : stderr);
  return stdout;
}
