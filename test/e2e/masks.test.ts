import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Ran } from './support.ts';
import { aiRun, makeTinyImage, type Tiny } from './tiny-image.ts';

/** An agent's acts in one session that aim at a secret in the next. */

let tiny: Tiny;
let other = '';
beforeAll(async () => {
  tiny = await makeTinyImage();
  other = join(dirname(tiny.project), 'other');
});
afterAll(() => tiny.close());

/** Open to everybody: run as root, the agent is another user. */
const write = async (folder: string, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  execFileSync('chmod', ['-R', 'a+rwX', folder]);
};

const session = (script: string, ...flags: readonly string[]): Promise<Ran> =>
  aiRun(tiny, [...flags, tiny.agent, '--', '-c', script]);

beforeEach(async () => {
  for (const folder of [tiny.project, other]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    await chmod(folder, 0o777);
  }
});

describe('a folder with a secret', () => {
  const files = {
    'config/.env': 'secret',
    'deep/er/prod.yml': 'secret',
    '.ai-run.yaml': 'mask: [deep/er/prod.yml]\n',
  };

  test.each([
    ['out of sight', 'mv config node_modules'],
    ['away from the path that is named', 'mv deep d'],
    ['in a folder', 'mkdir -p node_modules && mv config node_modules/'],
    ['below', 'mv deep/er deep/other'],
    ['by an exchange', 'mkdir -p node_modules && mv -T --exchange config node_modules'],
  ])('is not moved %s; it can, where nothing is masked', async (_, script) => {
    const look = 'grep -rq secret --exclude=.ai-run.yaml .';
    await write(tiny.project, files);
    expect((await session(look)).code).toBe(1);
    const moved = await session(script);
    expect(moved.code, moved.stderr).toBe(1);
    expect(moved.stderr).toContain('busy');
    expect((await session(look)).code).toBe(1);

    const free = await session(script, '--no-mask');
    expect(free.code, free.stderr).toBe(0);
    expect((await session(look)).code).toBe(0);
  });

  test('is worked in as before', async () => {
    await write(tiny.project, { ...files, 'config/a.txt': 'a', 'config/.git/HEAD': 'x' });
    const script = `echo b > config/b; mv config/b config/c; mkdir config/d; mv config/d config/e; rm config/a.txt; ls config/.git; ls -A config`;
    const ran = await session(script, '--git=none');
    expect([ran.code, ran.stdout], ran.stderr).toEqual([0, '.env\n.git\nc\ne\n']);
    expect(await readdir(join(tiny.project, 'config'))).toEqual(['.env', '.git', 'c', 'e']);
    expect(await readFile(join(tiny.project, 'config/.env'), 'utf8')).toBe('secret');
  });

  test('keeps its repository hidden', async () => {
    await write(tiny.project, { 'config/.env': 'secret', 'config/x': '' });
    execFileSync('git', ['init', '--quiet', join(tiny.project, 'config')]);
    const ran = await session('ls -A config/.git; touch config/.git/planted', '--git=none');
    expect([ran.code, ran.stdout], ran.stderr).toEqual([0, '']);
    expect(existsSync(join(tiny.project, 'config/.git/planted'))).toBe(false);
  });
});

const script = (folder: string): string => `touch ${folder}/a/b/new; mv ${folder}/a ${folder}/c`;

describe('what is shared beside the project', () => {
  const files = { 'a/b/.env': 'secret' };

  test('stays read-only, and is kept in place where it is not', async () => {
    await write(other, files);
    const locked = await session(script(other), '--mount', `${other}:ro`);
    expect(locked.stderr.match(/Read-only file system/g), locked.stderr).toHaveLength(2);
    expect(await readdir(join(other, 'a/b'))).toEqual(['.env']);
    const open = await session(`${script(other)}; cat ${other}/a/b/.env`, '--mount', other);
    expect(open.stderr).toContain('busy');
    expect(open.stdout).toBe('');
    expect(await readdir(join(other, 'a/b'))).toEqual(['.env', 'new']);
  });

  test('stays read-only within the project, below a folder that is kept in place', async () => {
    const inner = join(tiny.project, 'sub/inner');
    await write(tiny.project, { 'sub/.env': 'secret', 'sub/inner/a/b/.env': 'secret' });
    const ran = await session(`${script(inner)}; mv sub s`, '--mount', `${inner}:ro`);
    expect(ran.stderr.match(/Read-only file system/g), ran.stderr).toHaveLength(2);
    expect(ran.stderr).toContain('busy');
    expect(await readdir(join(inner, 'a/b'))).toEqual(['.env']);
  });

  test('is written to within a project that is kept in place', async () => {
    const inner = join(tiny.project, 'sub/inner');
    await write(tiny.project, { 'sub/inner/a/b/.env': 'secret' });
    const ran = await session(`${script(inner)}; mv sub s`, '--mount', inner);
    expect(ran.stderr.match(/busy/g), ran.stderr).toHaveLength(2);
    expect(await readdir(join(inner, 'a/b'))).toEqual(['.env', 'new']);
  });
});

test('as many as there may be are started with', async () => {
  await write(
    tiny.project,
    Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${at}/x/.env`, 'secret'])),
  );
  const ran = await session('ls | wc -l; ! cat */x/.env | grep -q secret; ! mv 7 n');
  expect([ran.code, ran.stdout], ran.stderr).toEqual([0, '500\n']);
});
