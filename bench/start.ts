import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { table } from '../bakery/report.ts';
import { makeTinyImage } from '../test/e2e/tiny-image.ts';

/**
 * What ai-run adds to the start of a container: `ai-run <image> true` and the identical bare `docker run`, in pairs, in
 * turns. Prints the medians, in milliseconds.
 */

const pairs = 20;
const program = resolve(import.meta.dirname, '../dist/run/ai-run.mjs');

const tiny = await makeTinyImage();
const env = { ...process.env, ...tiny.env };
const words = [program, tiny.agent, '--', '-c', 'true'];

const time = (file: string, args: readonly string[]): number => {
  const started = performance.now();
  const { status, stderr } = spawnSync(file, args, { cwd: tiny.project, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
  return performance.now() - started;
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

try {
  const [agent = '', ...rest] = words.slice(1);
  const { stdout: printed } = spawnSync(process.execPath, [program, '--print', agent, ...rest], {
    cwd: tiny.project,
    env,
    encoding: 'utf8',
  });
  const ours = (): number => time(process.execPath, words);
  // The shell reads the line and becomes docker.
  const bare = (): number => time('sh', ['-c', `exec ${printed}`]);
  ours();
  bare();
  const runs = Array.from({ length: pairs }, (_, at) => {
    // Whoever goes first finds the machine as the other one left it.
    if (at % 2 === 0) return { ours: ours(), bare: bare() };
    const second = bare();
    return { ours: ours(), bare: second };
  });
  const own = median(runs.map((run) => run.ours));
  const docker = median(runs.map((run) => run.bare));
  const added = median(runs.map((run) => run.ours - run.bare));
  const header = ['PAIRS', 'AI-RUN', 'DOCKER RUN', 'ADDED', 'RATIO'];
  const row = [own, docker, added].map((value) => `${value.toFixed(0)} ms`);
  process.stdout.write(`${table(header, [[String(pairs), ...row, (own / docker).toFixed(2)]])}\n`);
} finally {
  await tiny.close();
}
