import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { checkout, type Ran, run } from '../e2e/support.ts';

/** The published packages, packed and installed as by a user, and the versions of Node that they support. */
export type Installed = {
  /** The content of each tarball: paths below the package. */
  readonly files: Readonly<Record<Packed, readonly string[]>>;
  /** The packages that npm installed for ai-run alone, by name, without development. */
  readonly tree: readonly string[];
  /** An empty folder, in a folder that goes away. */
  readonly folder: (name: string) => Promise<string>;
  /** Runs a program with this Node, and the installed programs, first on PATH. */
  readonly run: (
    node: Node,
    words: readonly [string, ...string[]],
    options?: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> },
  ) => Promise<Ran>;
  readonly close: () => Promise<void>;
};

/** The packages that are published. */
export type Packed = 'ai-run' | 'ai-bakery';

/** The oldest line that is supported, and the one that the project is developed with. */
export const nodes = ['22', '24'] as const;
export type Node = (typeof nodes)[number] | '20';

const npm = async (cwd: string, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run('npm', args, { cwd });
  if (code !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr}`);
  return stdout;
};

const Tree = z.object({
  dependencies: z.record(
    z.string(),
    z.object({ dependencies: z.record(z.string(), z.unknown()).optional() }),
  ),
});

export const install = async (): Promise<Installed> => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'package-')));
  const folder = async (name: string): Promise<string> => {
    await mkdir(join(root, name), { recursive: true });
    return join(root, name);
  };
  const packed = await folder('packed');
  await npm(checkout, 'run', 'build');
  await npm(
    checkout,
    'pack',
    '--workspace=ai-run',
    '--workspace=ai-bakery',
    `--pack-destination=${packed}`,
  );
  const tarballs = await readdir(packed);
  const tarball = (name: Packed): string =>
    join(packed, tarballs.find((file) => file.startsWith(`${name}-`)) ?? name);
  const listed = async (name: Packed): Promise<string[]> =>
    (await run('tar', ['-tf', tarball(name)])).stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(/^package\//, ''));
  const files = { 'ai-run': await listed('ai-run'), 'ai-bakery': await listed('ai-bakery') };
  const prefix = await folder('prefix');
  await npm(packed, 'install', '--global', `--prefix=${prefix}`, tarball('ai-run'));
  const tree = Object.keys(
    Tree.parse(
      JSON.parse(
        await npm(packed, 'ls', '--global', `--prefix=${prefix}`, '--omit=dev', '--all', '--json'),
      ),
    ).dependencies['ai-run']?.dependencies ?? {},
  );
  await npm(packed, 'install', '--global', `--prefix=${prefix}`, tarball('ai-bakery'));

  const older = await folder('node');
  // Its script fetches the program for this machine.
  await writeFile(join(older, 'package.json'), JSON.stringify({ allowScripts: { node: true } }));
  await npm(older, 'install', 'node@22');
  const oldest = await folder('node20');
  await writeFile(join(oldest, 'package.json'), JSON.stringify({ allowScripts: { node: true } }));
  await npm(oldest, 'install', 'node@20');
  const programs: Readonly<Record<Node, string>> = {
    '20': join(oldest, 'node_modules/node/bin'),
    '22': join(older, 'node_modules/node/bin'),
    '24': dirname(process.execPath),
  };

  return {
    files,
    tree,
    folder,
    run: (node, [file, ...args], { cwd = packed, env = {} } = {}) => {
      const path = [programs[node], join(prefix, 'bin'), process.env['PATH']].join(delimiter);
      // Through a shell: it is this PATH that finds the program.
      return run('sh', ['-c', 'exec "$0" "$@"', file, ...args], {
        cwd,
        env: { ...env, PATH: path, NODE_PATH: undefined, NODE_OPTIONS: undefined },
      });
    },
    close: () => rm(root, { recursive: true }),
  };
};
