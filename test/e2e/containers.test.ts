import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeContainers, runContainer } from '../../bakery/engine/containers.ts';
import type { Ended } from '../../bakery/engine/ended.rules.ts';
import { type Engine, openEngine } from '../../bakery/engine/engine.ts';
import { smokePolicy } from '../../bakery/tester/judge.rules.ts';
import { create, launch } from '../../kernel/launch.ts';
import { docker, nonce, run } from './support.ts';
import { makeTinyImage, type Tiny } from './tiny-image.ts';

/** Containers of smoke tests: made by docker's client under ai-run's policy, run and judged through the engine's API. */

let tiny: Tiny;
let engine: Engine;
const label = `e2e.containers=${nonce()}`;
const policy = smokePolicy(2);

type Changes = {
  readonly seconds?: number;
  readonly signal?: AbortSignal;
  readonly memory?: number;
};

const commandFor = (command: readonly [string, ...string[]], memory = policy.limits.memory) => {
  const [name = '', value = ''] = label.split('=');
  return {
    image: tiny.image,
    platform: 'linux/amd64',
    policy: { ...policy, limits: { ...policy.limits, memory } },
    command,
    labels: { [name]: value },
  } as const;
};

const start = (command: readonly [string, ...string[]], changes: Changes = {}): Promise<Ended> =>
  runContainer(engine, create(commandFor(command, changes.memory)), {
    timeout: (changes.seconds ?? 60) * 1000,
    signal: changes.signal ?? new AbortController().signal,
  });

const eat = (megabytes: number): readonly [string, ...string[]] => [
  'node',
  '-e',
  `const all = []; for (let i = 0; i < ${megabytes}; i++) all.push(Buffer.alloc(1e6, 1));`,
];

const left = async (): Promise<string> =>
  (await docker('ps', '--all', '--quiet', `--filter=label=${label}`)).stdout;

beforeAll(async () => {
  tiny = await makeTinyImage();
  engine = await openEngine();
});
afterAll(async () => {
  await removeContainers(engine, label);
  await tiny.close();
});

describe('the end of a container', () => {
  test('is its exit code and all of its output', async () => {
    const script =
      'echo first; echo wrong >&2; i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done; exit 3';
    const ended = await start(['/bin/sh', '-c', script]);
    expect(ended).toMatchObject({ end: 'exited', exitCode: 3, stderr: 'wrong\n', error: '' });
    expect(ended.stdout).toBe(
      `first\n${Array.from({ length: 5000 }, (_, at) => `${at}\n`).join('')}`,
    );
    expect(await left()).toBe('');
  });

  test('is that of docker run, for the same flags', async () => {
    const status = 'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)" /proc/self/status';
    const options = commandFor(['/bin/sh', '-c', `${status}; exit 4`]);
    const { file, args } = launch(options);
    const ran = await run(file, args);
    const ended = await start(options.command);
    expect(ended.exitCode).toBe(ran.code);
    expect(ended.stdout).toBe(ran.stdout);
    expect(ended.stdout).toMatch(/^CapEff:\t0+$/m);
    expect(ended.stdout).toMatch(/^NoNewPrivs:\t1$/m);
  });

  test('is known when it ends at once, time after time', async () => {
    for (let nth = 0; nth < 20; nth += 1)
      expect(await start(['/bin/echo', String(nth)])).toMatchObject({
        end: 'exited',
        exitCode: 0,
        stdout: `${nth}\n`,
      });
  });

  test('is that of docker run for a program that does not exist', async () => {
    const ended = await start(['/no/such/program']);
    // The init of the policy starts it, not the engine.
    expect(ended).toMatchObject({ end: 'exited', exitCode: 127 });
    expect(ended.stderr).toContain('/no/such/program');
    const { file, args } = launch(commandFor(['/no/such/program']));
    expect((await run(file, args)).code).toBe(127);
  });

  test('is a refusal for a working directory that cannot be entered, with the engine’s words', async () => {
    const ended = await runContainer(
      engine,
      create({ ...commandFor(['/bin/true']), workdir: '/etc/passwd' }),
      { timeout: 60_000, signal: new AbortController().signal },
    );
    expect(ended).toMatchObject({ end: 'refused' });
    expect(ended.exitCode).toBeGreaterThan(0);
    expect(ended.error).toMatch(/passwd/);
    expect(await left()).toBe('');
  });

  test('is a refusal for an image that does not exist', async () => {
    const ended = await runContainer(
      engine,
      create({ ...commandFor(['/bin/true']), image: `none-${nonce()}:1` }),
      { timeout: 60_000, signal: new AbortController().signal },
    );
    expect(ended).toMatchObject({ end: 'refused', exitCode: 125 });
    expect(ended.error).toMatch(/No such image/);
  });

  test('is a lack of memory at its limit, and none below it', async () => {
    const memory = 128 * 1024 * 1024;
    expect(await start(eat(400), { memory })).toMatchObject({
      end: 'out of memory',
      exitCode: 137,
    });
    expect(await start(eat(10), { memory })).toMatchObject({ end: 'exited', exitCode: 0 });
  });

  test('is its time-out, after which it is gone and its output kept', async () => {
    const started = performance.now();
    const ended = await start(['/bin/sh', '-c', 'echo begun; trap "" TERM; sleep 300'], {
      seconds: 2,
    });
    expect(ended).toMatchObject({ end: 'out of time', stdout: 'begun\n' });
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(await left()).toBe('');
  });

  test('is bounded output, and the program is not held up', async () => {
    const ended = await start(['/bin/sh', '-c', 'head -c 20000000 /dev/zero; echo done >&2']);
    expect(ended).toMatchObject({ end: 'exited', exitCode: 0, stderr: 'done\n' });
    expect(ended.stdout).toHaveLength(16 * 1024 * 1024);
  });
});

test('an interruption removes the container', async () => {
  const interrupt = new AbortController();
  const running = start(['/bin/sleep', '300'], { signal: interrupt.signal });
  await expect.poll(left, { timeout: 30_000 }).not.toBe('');
  await expect
    .poll(async () => (await docker('ps', '--quiet', `--filter=label=${label}`)).stdout, {
      timeout: 30_000,
    })
    .not.toBe('');
  interrupt.abort();
  await expect(running).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  expect(await left()).toBe('');
});
