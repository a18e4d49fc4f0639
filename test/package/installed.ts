import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { checkout, type Ran, run } from '../e2e/support.ts';

/** What is published, packed and installed as a user would, and the Nodes that it has to run on. */
export type Installed = {
  /** What is in the tarball: paths below the package. */
  readonly files: readonly string[];
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

/** The oldest line that is supported, and the one that the project is developed with. */
export const nodes = ['22', '24'] as const;
export type Node = (typeof nodes)[number];

const npm = async (cwd: string, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run('npm', args, { cwd });
  if (code !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr}`);
  return stdout;
};

export const install = async (): Promise<Installed> => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'package-')));
  const folder = async (name: string): Promise<string> => {
    await mkdir(join(root, name), { recursive: true });
    return join(root, name);
  };
  const packed = await folder('packed');
  await npm(checkout, 'pack', `--pack-destination=${packed}`);
  const [tarball = ''] = await readdir(packed);
  const listed = await run('tar', ['-tf', join(packed, tarball)]);
  const prefix = await folder('prefix');
  await npm(packed, 'install', '--global', `--prefix=${prefix}`, join(packed, tarball));

  const older = await folder('node');
  // Its script fetches the program for this machine.
  await writeFile(join(older, 'package.json'), JSON.stringify({ allowScripts: { node: true } }));
  await npm(older, 'install', 'node@22');
  const programs: Readonly<Record<Node, string>> = {
    '22': join(older, 'node_modules/node/bin'),
    '24': dirname(process.execPath),
  };

  return {
    files: listed.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(/^package\//, '')),
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
