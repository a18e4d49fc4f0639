import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { table } from '../bakery/host/format.ts';
import { makeTinyImage } from '../test/e2e/tiny-image.ts';

/**
 * Measures the time that ai-run adds to the start of a container, in turns: the bare `docker run`, the smallest Node program
 * that starts the same container, and `ai-run <image> true`. Prints the medians and the time added in the median round.
 */

/** A start takes between 0.8 and 1.3 times the usual here: fewer rounds tell another median each time. */
const rounds = 60;
const program = resolve(import.meta.dirname, '../ai-run/dist/run/ai-run.mjs');

const tiny = await makeTinyImage();
const env = { ...process.env, ...tiny.env };
const words = [tiny.agent, '--', '-c', 'true'];

const time = (file: string, args: readonly string[]): number => {
  const started = performance.now();
  const { status, stderr } = spawnSync(file, args, { cwd: tiny.project, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
  return performance.now() - started;
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Starts docker, hands it the terminal, passes on its exit code, and nothing else. */
const least = `require('node:child_process')
  .spawn('sh', ['-c', process.argv[1]], { stdio: 'inherit' })
  .on('exit', (code) => { process.exitCode = code; });`;

try {
  const { stdout: printed } = spawnSync(process.execPath, [program, '--print', ...words], {
    cwd: tiny.project,
    env,
    encoding: 'utf8',
  });
  // The shell reads the line and becomes docker.
  const line = `exec ${printed}`;
  const ways = [
    { name: 'docker run', run: () => time('sh', ['-c', line]) },
    { name: 'Node, docker run', run: () => time(process.execPath, ['-e', least, line]) },
    { name: 'ai-run', run: () => time(process.execPath, [program, ...words]) },
  ];
  for (const { run } of ways) run();
  const times = ways.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    // The first of a round finds the machine as the round before left it.
    for (let turn = 0; turn < ways.length; turn += 1) {
      const at = (round + turn) % ways.length;
      times[at]?.push(ways[at]?.run() ?? 0);
    }
  }
  const bare = times[0] ?? [];
  const rows = ways.map(({ name }, at) => {
    const own = times[at] ?? [];
    const added = median(own.map((value, round) => value - (bare[round] ?? 0)));
    const ratio = (median(own) / median(bare)).toFixed(2);
    return [name, `${median(own).toFixed(0)} ms`, `${added.toFixed(0)} ms`, ratio];
  });
  process.stdout.write(`${table(['WAY', 'MEDIAN', 'ADDED', 'RATIO'], rows)}\n`);
} finally {
  await tiny.close();
}
