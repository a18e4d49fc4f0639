import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { extract, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packContext, withContexts } from '../../../bakery/builder/packed-context.ts';
import { openCheckout, planCells } from '../../../bakery/catalogue/checkout.ts';
import { select } from '../../../bakery/plan/matrix.rules.ts';
import type { Image, Layer } from '../../../bakery/plan/plan.rules.ts';
import { sourceDate } from '../../../bakery/templates/source-date.rules.ts';
import { fixtures } from '../support.ts';

/** Contexts of builds hold the bytes that keys are made of, and nothing else. */

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bakery-context-'));
  await cp(join(fixtures, 'checkout'), root, { recursive: true });
  folder = join(root, 'agents', 'otter');
});
afterEach(() => rm(root, { recursive: true }));

const planned = async (): Promise<{ layer: Layer; image: Image }> => {
  const checkout = await openCheckout(root);
  const selection = { agents: ['otter'], runtimes: ['base'], platforms: [] };
  const plan = planCells(checkout, select(checkout.catalogue, selection).cells);
  const layer = plan.layers.find(({ id }) => id === 'agent/otter linux/amd64');
  const [image] = plan.images;
  if (layer === undefined || image === undefined) throw new Error('the fixture has no otter');
  return { layer, image };
};

type Packed = { readonly header: Header; readonly text: string };

const unpacked = async (tar: Buffer): Promise<readonly Packed[]> => {
  const reading = extract();
  reading.end(tar);
  const entries: Packed[] = [];
  for await (const entry of reading)
    entries.push({ header: entry.header, text: (await buffer(entry)).toString() });
  return entries;
};

const change = async (name: string): Promise<void> => {
  const path = join(folder, name);
  await writeFile(path, `${await readFile(path, 'utf8')}\n`);
};

describe('a packed context', () => {
  test('has the listed files and the Dockerfile, without attributes of the machine', async () => {
    const { layer } = await planned();
    await chmod(join(folder, 'package.json'), 0o660);
    const entries = await unpacked(await packContext(root, layer, 'FROM scratch\n'));
    expect(entries.map(({ header, text }) => [header.name, text])).toEqual([
      ['package.json', await readFile(join(folder, 'package.json'), 'utf8')],
      ['package-lock.json', await readFile(join(folder, 'package-lock.json'), 'utf8')],
      ['Dockerfile', 'FROM scratch\n'],
    ]);
    for (const { header } of entries)
      expect(header).toMatchObject({
        mode: 0o644,
        uid: 0,
        gid: 0,
        type: 'file',
        mtime: new Date(sourceDate * 1000),
      });
  });

  test('is the same with another file, which no key hashes, beside the listed ones', async () => {
    const before = await planned();
    const bytes = await packContext(root, before.layer, '');
    await writeFile(join(folder, 'notes.txt'), 'not listed');
    const after = await planned();
    expect(after.layer.key).toBe(before.layer.key);
    expect((await packContext(root, after.layer, '')).equals(bytes)).toBe(true);
  });

  test.each(['package.json', 'package-lock.json'])(
    'has other bytes and its layer another key with another %s',
    async (name) => {
      const before = await planned();
      const bytes = await packContext(root, before.layer, '');
      await change(name);
      const after = await planned();
      expect(after.layer.key).not.toBe(before.layer.key);
      expect((await packContext(root, after.layer, '')).equals(bytes)).toBe(false);
    },
  );

  test.each([
    ['changed', change, 'package.json is not the file that was hashed'],
    ['is gone', (name: string) => rm(join(folder, name)), 'a file cannot be read'],
  ])('is refused if a file %s after its key was made', async (_, spoil, reason) => {
    const { layer, image } = await planned();
    await spoil('package.json');
    const refusal = { code: 'E_CONTEXT', message: `agents/otter: ${reason}` };
    await expect(packContext(root, layer, '')).rejects.toMatchObject(refusal);
    await expect(withContexts(root, [image], async () => 'used')).rejects.toMatchObject(refusal);
  });

  test('of a runtime is its Dockerfile alone', async () => {
    const layer = { context: 'runtimes/base', files: [] };
    const entries = await unpacked(await packContext(root, layer, 'FROM scratch\n'));
    expect(entries.map(({ header }) => header.name)).toEqual(['Dockerfile']);
  });
});

test('a bake file has folders with the same files and modes, for all platforms, while it runs', async () => {
  const { image } = await planned();
  await writeFile(join(folder, 'notes.txt'), 'not listed');
  await chmod(join(folder, 'package.json'), 0o660);
  let used = '';
  await withContexts(root, [image, image], async (below) => {
    used = below;
    const files = await readdir(join(below, image.context));
    expect(files.toSorted()).toEqual(['package-lock.json', 'package.json']);
    expect((await stat(join(below, image.context, 'package.json'))).mode & 0o777).toBe(0o644);
    expect(await readFile(join(below, image.context, 'package.json'), 'utf8')).toBe(
      await readFile(join(folder, 'package.json'), 'utf8'),
    );
  });
  await expect(readdir(used)).rejects.toMatchObject({ code: 'ENOENT' });
});
