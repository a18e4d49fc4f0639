import { copyFile, cp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import about from '../../package.json' with { type: 'json' };
import { checkout, type Ran } from '../e2e/support.ts';
import { makeTinyImage, type Tiny } from '../e2e/tiny-image.ts';
import { install, type Installed, type Node, nodes, type Packed } from './installed.ts';

/** The product as a user gets it: the tarball installed into an empty prefix, and ai-run as one file. */

let installed: Installed;
let tiny: Tiny;
beforeAll(async () => {
  [installed, tiny] = await Promise.all([install(), makeTinyImage()]);
});
afterAll(() => Promise.all([installed.close(), tiny.close()]));

const oneFile = join(checkout, 'ai-run/dist/ai-run.mjs');

const said = ({ code, stdout, stderr }: Ran): string => {
  expect(code, stderr).toBe(0);
  return stdout;
};

/** ai-run in the tiny image's project, by any of its names. */
const inProject = (node: Node, words: readonly [string, ...string[]]): Promise<Ran> =>
  installed.run(node, words, { cwd: tiny.project, env: tiny.env });

const bakery = (node: Node, cwd: string, ...args: readonly string[]): Promise<Ran> =>
  installed.run(node, ['bakery', ...args], { cwd });

/** The names in a folder of a tarball. */
const below = (name: Packed, folder: string): string[] => {
  const inside = installed.files[name].filter((file) => file.startsWith(folder));
  return [...new Set(inside.map((file) => file.slice(folder.length).split('/')[0] ?? ''))];
};

/** A folder with ai-run as one file, and nothing else. */
const copied = async (folder: string): Promise<string> => {
  const path = join(await installed.folder(folder), 'ai-run.mjs');
  await copyFile(oneFile, path);
  return path;
};

describe('the tarball', () => {
  test.each<[Packed, string, string]>([
    ['ai-run', '', 'README.md dist package.json'],
    ['ai-run', 'dist/', 'ai-run.mjs run'],
    ['ai-run', 'dist/run/', 'ai-run.mjs ai-run.script.js'],
    ['ai-bakery', '', 'LICENSE README.md agents bakery.yaml dist package.json runtimes templates'],
  ])('of %s holds in %j nothing but what is needed', (name, folder, names) => {
    // It comes with the upstream images' lock where there is one.
    const found = below(name, folder).filter((one) => one !== 'upstream.lock.yaml');
    expect(found.toSorted().join(' ')).toBe(names);
  });

  test.each<[Packed, string]>([
    ['ai-run', '.js .json .md .mjs'],
    ['ai-bakery', ' .hbs .js .json .md .txt .yaml'],
  ])('of %s holds no sources, no maps, and nothing of this machine', async (name, kinds) => {
    const files = installed.files[name];
    const found = new Set(files.map((file) => extname(file)));
    expect([...found].toSorted().join(' ')).toBe(kinds);
    expect(files.filter((file) => basename(file).startsWith('.'))).toEqual([]);
    // It would be there: the checkout has one.
    expect((await stat(join(checkout, 'bakery.local.yaml'))).isFile()).toBe(true);
    expect(files.filter((file) => file.includes('.local.'))).toEqual([]);
  });

  test('of ai-run installs zod, and nothing else', () => {
    expect(installed.tree).toEqual(['zod']);
  });
});

test.each([['ai-run'], ['bakery'], ['ai-run', 'list'], ['bakery', 'list', '--json']] as const)(
  'Node 20 is told by %s in one line',
  async (...words) => {
    const { code, stdout, stderr } = await installed.run('20', [...words]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^error\[E_NODE\]: (ai-run|bakery) needs Node 22\.18 or newer, and this is Node 20\.\d+\.\d+[^\n]*\n$/,
    );
  },
);

describe.each(nodes)('with Node %s', (node) => {
  test('the machine’s own Node is not the one that is tested', async () => {
    const version = said(await installed.run(node, ['node', '--version'])).trim();
    const [major, minor] = version.slice(1).split('.').map(Number);
    expect(major).toBe(Number(node));
    expect(major === 22 ? minor : 99).toBeGreaterThanOrEqual(18);
  });

  describe('ai-run of the package', () => {
    test('says its version and explains itself', async () => {
      expect(said(await installed.run(node, ['ai-run', '--version']))).toBe(`${about.version}\n`);
      expect(said(await installed.run(node, ['ai-run', '--help']))).toMatch(/^Usage: ai-run /);
    });

    test('shows the command, and starts it', async () => {
      const command = said(await inProject(node, ['ai-run', tiny.agent, '--print']));
      expect(command).toMatch(/^docker run --rm --init /);
      const ran = await inProject(node, ['ai-run', tiny.agent, '--', '-c', 'echo "$PWD"; exit 7']);
      expect([ran.code, ran.stdout], ran.stderr).toEqual([7, `${tiny.project}\n`]);
    });
  });

  test('ai-run of the package keeps compiled code from a session, and makes again what is damaged', async () => {
    const home = await installed.folder(`home-${node}`);
    await copyFile(join(tiny.home, '.ai-workspaces'), join(home, '.ai-workspaces'));
    const start = async (...words: string[]): Promise<number> =>
      (await installed.run(node, ['ai-run', ...words], { cwd: tiny.project, env: { HOME: home } }))
        .code;
    const session = (): Promise<number> => start(tiny.agent, '--', '-c', 'exit 7');
    const folder = join(home, '.ai-run/compiled');
    const kept = (): Promise<string[]> => readdir(folder).catch(() => []);

    // The code that these have compiled is not the code that a session needs.
    for (const words of [['--version'], ['no-such-agent'], [tiny.agent, '--print']])
      await start(...words);
    expect(await kept()).toEqual([]);

    expect(await session()).toBe(7);
    const [name = '', ...others] = await kept();
    expect([name, others]).toEqual([expect.stringMatching(`^v${node}\\.`), []]);
    const path = join(folder, name);
    const { ino, size } = await stat(path);
    expect(await session()).toBe(7);
    // It was good enough: otherwise another one would be in its place.
    expect((await stat(path)).ino).toBe(ino);

    const whole = await readFile(path);
    for (const damaged of ['', 'none of V8’s', whole.subarray(0, size / 2)]) {
      await writeFile(path, damaged);
      expect(await session()).toBe(7);
      expect((await stat(path)).size).toBeGreaterThan(size / 2);
      expect(await kept()).toEqual([name]);
    }
  });

  describe('bakery of the package, in an empty folder,', () => {
    test('says its version and explains itself', async () => {
      expect(said(await bakery(node, await installed.folder('empty'), '--version'))).toBe(
        `${about.version}\n`,
      );
      expect(said(await bakery(node, await installed.folder('empty'), '--help'))).toMatch(
        /^Usage: bakery /,
      );
    });

    test('lists the agents that came with it', async () => {
      const listed = said(await bakery(node, await installed.folder('empty'), 'list', '--json'));
      expect(listed).toContain('"gemini"');
      expect(listed).toBe(said(await bakery(node, checkout, 'list', '--json')));
    });

    test('does not write to them', async () => {
      const { code, stderr } = await bakery(
        node,
        await installed.folder('empty'),
        'update',
        'gemini',
      );
      expect([code, stderr]).toEqual([1, expect.stringMatching(/an installed package keeps/)]);
    });
  });

  test.each([
    ['check'],
    ['plan', 'gemini', 'aider', '--json'],
    ['render', 'gemini', '--runtime', 'base'],
  ])(
    'bakery of the package does what it does in a checkout, with the machine’s settings: %s',
    async (...args) => {
      const cwd = await installed.folder(`own-${node}`);
      for (const file of ['bakery.local.yaml', '.bakery/upstream.lock.yaml'])
        await cp(join(checkout, file), join(cwd, file)).catch(() => undefined);
      expect(said(await bakery(node, cwd, ...args))).toBe(
        said(await bakery(node, checkout, ...args)),
      );
    },
  );

  describe('ai-run as one file', () => {
    test.each<[string, () => Promise<[string, ...string[]]>]>([
      ['by node', async () => ['node', await copied('alone')]],
      ['by its own name', async () => [await copied('alone')]],
      [
        'through a symlink',
        async () => {
          const link = join(await installed.folder(`link-${node}`), 'ai');
          await symlink(await copied('alone'), link);
          return [link];
        },
      ],
      ['in a path with blanks', async () => [await copied('a path, with "blanks"')]],
      ['by node, in a path with blanks', async () => ['node', await copied('a path with blanks')]],
    ])('runs without anything beside it, %s', async (_, words) => {
      const file = await words();
      expect(said(await installed.run(node, [...file, '--version']))).toBe(`${about.version}\n`);
      expect(said(await installed.run(node, [...file, '--help']))).toMatch(/^Usage: ai-run /);
      const ran = await inProject(node, [...file, tiny.agent, '--', '-c', 'echo up; exit 9']);
      expect([ran.code, ran.stdout], ran.stderr).toEqual([9, 'up\n']);
    });

    test('is whole: it loads Node’s own modules only', async () => {
      const text = await readFile(oneFile, 'utf8');
      const loading =
        /^(?:import|export) .*?"([^"]+)";?$|\b(?:import|require|getBuiltinModule)\("([^"]+)"/gm;
      const loaded = [...text.matchAll(loading)].map(([, from, name]) => from ?? name);
      expect(loaded).toEqual(expect.arrayContaining(['node:child_process', 'node:fs', 'node:net']));
      expect(loaded.filter((name) => name?.startsWith('node:') !== true)).toEqual([]);
    });
  });
});
