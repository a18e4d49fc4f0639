import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBuildx } from '../../bakery/builder/buildx.ts';
import { openDisplay } from '../../bakery/host/display.ts';
import { nonce } from './support.ts';

/** The files that reach a builder. */

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bakery-context-'));
  await mkdir(join(root, 'agents', 'otter'), { recursive: true });
});
afterAll(() => rm(root, { recursive: true }));

const text = nonce();
const context = {
  context: 'agents/otter',
  files: [
    {
      name: 'listed.txt',
      digest: `sha256:${createHash('sha256').update(text).digest('hex')}` as const,
    },
  ],
};
const dockerfile = 'FROM scratch\nCOPY . /\n';

/** A buildx command whose progress can be followed. */
const build = (...args: readonly string[]) => ({
  file: 'docker',
  args: ['buildx', ...args, '--progress=rawjson'],
});

const builder = () =>
  openBuildx({
    root,
    display: openDisplay('none'),
    signal: new AbortController().signal,
    logs: join(root, 'logs'),
    patience: 60_000,
  });

test('a layer’s build gets the listed files alone, as does an image’s', async () => {
  await writeFile(join(root, context.context, 'listed.txt'), text);
  await writeFile(join(root, context.context, 'unlisted.txt'), 'secret');
  const [out, baked, whole] = ['out', 'baked', 'whole'].map((name) => join(root, name));
  const layer = await builder().build({
    id: 'layer',
    command: build('build', '--file=Dockerfile', `--output=type=local,dest=${out}`, '-'),
    input: dockerfile,
    context,
  });
  expect(layer.error).toBeUndefined();
  expect(await readdir(out ?? '')).toEqual(['Dockerfile', 'listed.txt']);
  expect(await readFile(join(out ?? '', 'listed.txt'), 'utf8')).toBe(text);

  const target = {
    context: context.context,
    'dockerfile-inline': dockerfile,
    output: [`type=local,dest=${baked}`],
  };
  const bake = await builder().build({
    id: 'images',
    command: build('bake', '--file=-', `--allow=fs.write=${baked}`),
    input: JSON.stringify({ target: { default: target } }),
    contexts: [context],
  });
  expect(bake.error).toBeUndefined();
  expect(await readdir(baked ?? '')).toEqual(['listed.txt']);

  // Without a list of files, all of the folder reaches the builder.
  const control = await builder().build({
    id: 'whole',
    command: build('build', '--file=-', `--output=type=local,dest=${whole}`, context.context),
    input: dockerfile,
  });
  expect(control.error).toBeUndefined();
  expect(await readdir(whole ?? '')).toEqual(['listed.txt', 'unlisted.txt']);
});

test('a step that a layer’s build has run is in the cache of the images’', async () => {
  await writeFile(join(root, context.context, 'listed.txt'), text, { mode: 0o600 });
  const once = `FROM scratch AS agent\nCOPY listed.txt /${nonce()}\n`;
  const args = ['--progress=rawjson', '--output=type=cacheonly'];
  const layer = await builder().build({
    id: 'layer',
    command: { file: 'docker', args: ['buildx', 'build', '--file=Dockerfile', ...args, '-'] },
    input: once,
    context,
  });
  expect([layer.error, layer.executed]).toEqual([undefined, 1]);
  const target = {
    context: context.context,
    'dockerfile-inline': once,
    output: ['type=cacheonly'],
  };
  const bake = await builder().build({
    id: 'images',
    command: { file: 'docker', args: ['buildx', 'bake', '--file=-', '--progress=rawjson'] },
    input: JSON.stringify({ target: { default: target } }),
    contexts: [context],
  });
  expect([bake.error, bake.executed]).toEqual([undefined, 0]);
});
