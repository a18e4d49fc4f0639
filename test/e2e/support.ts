import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';

/** The checkout under test. */
export const checkout = resolve(import.meta.dirname, '../..');

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  readonly signal?: AbortSignal;
};

/** Runs a program to its end. It never throws: tests look at the exit code. */
export const run = (
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> =>
  new Promise((settle) => {
    const child = execFile(
      file,
      args,
      {
        maxBuffer: 256 * 1024 * 1024,
        cwd: options.cwd ?? checkout,
        env: { ...process.env, NO_COLOR: '1', ...options.env },
        ...(options.signal === undefined ? {} : { signal: options.signal, killSignal: 'SIGINT' }),
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        settle({ code: child.exitCode ?? code, stdout, stderr });
      },
    );
    // A program that ends early closes its input; its exit code tells the rest.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });

export const bakery = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  run(process.execPath, [join(checkout, 'bakery/cli/main.ts'), ...args], options);

export const docker = (...args: readonly string[]): Promise<Ran> => run('docker', args);

/** A word that no earlier run used: what carries it cannot come from a cache. */
export const nonce = (): string => randomBytes(6).toString('hex');

/** The folder of an agent of the catalogue, or of the tests: `small-npm` and `small-pypi` are packages of some kilobytes. */
export const agentFolder = (name: string): string =>
  join(checkout, name.startsWith('small-') ? 'test/fixtures/agents' : 'agents', name);

/** A checkout of its own with these agents, under names of its own, and all runtimes. */
export const makeCheckout = async (agents: Readonly<Record<string, string>>): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'bakery-e2e-'));
  for (const file of [
    'bakery.yaml',
    'bakery.local.yaml',
    'upstream.lock.yaml',
    '.bakery/upstream.lock.yaml',
  ]) {
    await cp(join(checkout, file), join(root, file), { recursive: true }).catch(() => undefined);
  }
  await cp(join(checkout, 'runtimes'), join(root, 'runtimes'), { recursive: true });
  await mkdir(join(root, 'agents'));
  for (const [name, original] of Object.entries(agents)) {
    await cp(agentFolder(original), join(root, 'agents', name), { recursive: true });
  }
  return root;
};

export const edit = async (path: string, change: (text: string) => string): Promise<void> => {
  await writeFile(path, change(await readFile(path, 'utf8')));
};

/** Removes a checkout and every image of the engine that was baked from it. */
export const removeCheckout = async (root: string, agents: readonly string[]): Promise<void> => {
  for (const agent of agents) {
    const { stdout } = await docker(
      'image',
      'ls',
      '--format',
      '{{.Repository}}:{{.Tag}}',
      `ai-${agent}`,
    );
    const names = stdout.split('\n').filter((name) => name !== '');
    if (names.length > 0) await docker('image', 'rm', '--force', ...names);
  }
  await rm(root, { recursive: true, force: true });
};

/** Which of a registry's upstreams setup found, under the names that builds use here. */
export const upstream = async (reference: string): Promise<string> => {
  const { stdout } = await bakery(['render', 'gemini', '--runtime', 'base']);
  const pinned = new RegExp(
    `\\S*${reference.replaceAll('.', String.raw`\.`)}@sha256:[0-9a-f]{64}`,
  ).exec(stdout);
  if (pinned === null) throw new Error(`${reference} is not in the rendered Dockerfile`);
  return pinned[0];
};
