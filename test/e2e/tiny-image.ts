import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout, docker, nonce, type Ran, run, upstream } from './support.ts';

/** An agent's image whose agent is a shell, and a user with a project of their own to run it in. */
export type Tiny = {
  /** `e2e-3f9a2c…`: what ai-run is asked for. */
  readonly agent: string;
  readonly image: string;
  /** The folder of files of the user: `~`. */
  readonly home: string;
  readonly project: string;
  /** Variables that make a test that user. */
  readonly env: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
};

const cli = join(checkout, 'ai-run/cli/cli.ts');

type TinyOptions = {
  /** Its base image; default: the smallest upstream image. */
  readonly from?: string;
  /** The requests of its contract, by the agent's name. */
  readonly contract?: (agent: string) => object;
  /** More lines of its Dockerfile. */
  readonly line?: string;
};

export const makeTinyImage = async (options: TinyOptions = {}): Promise<Tiny> => {
  const agent = `e2e-${nonce()}`;
  const image = `ai-${agent}:base`;
  const base = await upstream(options.from ?? 'node:24-trixie-slim');
  const asked = options.contract?.(agent) ?? {};
  const contract = { schema: 1, agent, version: '1.0.0', command: ['/bin/sh'], ...asked };
  const built = await run(
    'docker',
    ['buildx', 'build', '--load', '--provenance=false', `--tag=${image}`, '-'],
    {
      input: `FROM ${base}\nLABEL ai-run.contract='${JSON.stringify(contract)}'\nUSER 1000\n${options.line ?? ''}\n`,
    },
  );
  if (built.code !== 0) throw new Error(built.stderr);
  const root = await mkdtemp(join(tmpdir(), 'ai-run-e2e-'));
  const home = join(root, 'home');
  const project = join(root, 'projects', 'shop');
  await mkdir(home);
  await mkdir(project, { recursive: true });
  // Run as root, the agent is another user.
  for (const folder of [root, join(root, 'projects')]) await chmod(folder, 0o755);
  await chmod(project, 0o777);
  await writeFile(join(home, '.ai-workspaces'), `${join(root, 'projects')}\n`, { mode: 0o600 });
  return {
    agent,
    image,
    home,
    project,
    env: { HOME: home },
    close: async () => {
      await docker('image', 'rm', '--force', image);
      await rm(root, { recursive: true });
    },
  };
};

/** Runs ai-run to its end, without a terminal. */
export const aiRun = (
  { env, project }: Pick<Tiny, 'env' | 'project'>,
  args: readonly string[],
  input?: string,
): Promise<Ran> =>
  run(process.execPath, [cli, ...args], {
    cwd: project,
    env,
    ...(input === undefined ? {} : { input }),
  });

/** ai-run while it runs. */
export type Running = {
  /** Of ai-run itself. */
  readonly pid: number;
  /** Everything it has written so far. */
  readonly seen: () => string;
  readonly write: (keys: string) => void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
};

const follow = (
  file: string,
  args: readonly string[],
  { env, project }: Pick<Tiny, 'env' | 'project'>,
): Running => {
  const child = spawn(file, args, { cwd: project, env: { ...process.env, ...env } });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (seen += text));
  child.stdin.on('error', () => undefined);
  return {
    pid: child.pid ?? 0,
    seen: () => seen,
    write: (keys) => void child.stdin.write(keys),
    ended: new Promise((settle) =>
      child.on('close', (code, signal) => settle(code ?? signal ?? '')),
    ),
  };
};

export const startAiRun = (tiny: Tiny, args: readonly string[]): Running =>
  follow(process.execPath, [cli, ...args], tiny);

const quoted = (words: readonly string[]): string =>
  words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

/**
 * The same in a terminal of its own: `script` of bsdutils makes one, and tells its name first.
 * @param size rows and columns.
 */
export const startInTerminal = (
  tiny: Pick<Tiny, 'env' | 'project'>,
  args: readonly string[],
  [rows, columns] = [24, 80],
): Running => {
  const start = `tty; stty rows ${rows} cols ${columns}; exec ${quoted([process.execPath, cli, ...args])}`;
  return follow('script', ['-qefc', start, '/dev/null'], tiny);
};
