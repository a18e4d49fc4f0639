import { expect, test } from 'vitest';
import { trialLabel, trialName, trialRepository } from '../../bakery/tester/trial-names.rules.ts';
import { openEngine } from '../../bakery/engine/engine.ts';
import { sweepTests } from '../../bakery/tester/leftovers.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { docker, nonce, run } from './support.ts';

/** Smoke tests that are killed leave images and containers in the engine, which later ones remove. */

const registry = openRegistry(new AbortController().signal);

const hours = (number: number): number => Date.now() - number * 60 * 60 * 1000;

const exists = async (kind: 'image' | 'container', name: string): Promise<boolean> =>
  (await docker(kind, 'inspect', name)).code === 0;

type Left = { readonly pulled: string; readonly image: string; readonly container: string };

/** An image that was pulled and has a name for tests, and a container that was made of it and not started. */
const leave = async (trial: string): Promise<Left> => {
  const tag = `127.0.0.1:5000/e2e-${nonce()}/left:1`;
  const image = `${trialRepository}:${trial}-0`;
  const pushed = await run('docker', ['buildx', 'build', '--push', `--tag=${tag}`, '-'], {
    input: `FROM scratch\nLABEL e2e=${trial}\n`,
  });
  expect(pushed.code, pushed.stderr).toBe(0);
  const digest = (await registry.readManifest(tag))?.digest;
  const pulled = tag.replace(/:1$/, `@${digest}`);
  for (const args of [
    ['pull', pulled],
    ['tag', pulled, image],
  ])
    expect(await docker(...args)).toMatchObject({ code: 0 });
  const { stdout } = await docker('create', `--label=${trialLabel}=${trial}`, image, '/x');
  await registry.deleteManifest(pulled);
  return { pulled, image, container: stdout.trim() };
};

test('what was left more than a day ago is removed, and nothing that may be in use', async () => {
  const old = await leave(trialName(hours(25), nonce()));
  const named = await leave(trialName(hours(25), nonce()));
  const young = await leave(trialName(hours(23), nonce()));
  const own = `e2e-${nonce()}:1`;
  const foreign = (await docker('create', '--label=e2e.trial=1', young.image, '/x')).stdout.trim();
  await docker('tag', named.image, own);
  try {
    await sweepTests(await openEngine());
    for (const { pulled, image, container } of [old, named]) {
      expect(await exists('image', image)).toBe(false);
      expect(await exists('image', pulled)).toBe(false);
      expect(await exists('container', container)).toBe(false);
    }
    expect(await exists('image', own)).toBe(true);
    expect(await exists('image', young.image)).toBe(true);
    expect(await exists('image', young.pulled)).toBe(true);
    expect(await exists('container', young.container)).toBe(true);
    expect(await exists('container', foreign)).toBe(true);
  } finally {
    await docker('rm', '--force', young.container, foreign);
    await docker('image', 'rm', '--force', young.image, young.pulled, own);
  }
});
