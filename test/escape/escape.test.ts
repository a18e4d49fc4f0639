import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setTimeout } from 'node:timers/promises';
import { harden } from '../../kernel/policy.ts';
import { bakery, docker, nonce, type Ran, run } from '../e2e/support.ts';
import { aiRun, makeTinyImage, type Tiny } from '../e2e/tiny-image.ts';
import { report, withSecurity } from './report.ts';
import { sessionVectors } from './sessions.ts';
import { commandOf, commandsOf } from './start.ts';
import { type Machine, printing, type Vector, vectors } from './vectors.ts';

/** Every way out, tried twice in a real agent's image: under the whole policy, and without the one guard. */

const image = 'ai-gemini:base';
const hardened = harden({ user: { uid: 1234, gid: 1234 }, network: { mode: 'none' } });

let listener: Server;
let folder = '';
let machine: Machine;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-run-escape-'));
  await chmod(folder, 0o755);
  const file = join(folder, 'file');
  await writeFile(file, 'of the machine');
  listener = createServer((socket) => socket.end());
  await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));
  machine = { file, port: (listener.address() as AddressInfo).port };
  const built = await bakery(['build', 'gemini', '--runtime=base', '--no-test', '--quiet']);
  if (built.code !== 0) throw new Error(built.stderr);
});
afterAll(async () => {
  listener.close();
  await rm(folder, { recursive: true });
});

/** The outcomes by attempt: under the policy, then without the guard. */
const outcomes = new Map<string, string[]>();
const record = (attempt: string, outcome: string): void =>
  void outcomes.set(attempt, [...(outcomes.get(attempt) ?? []), outcome]);

describe.each(vectors)('$attempt', (vector) => {
  const start = (which: 0 | 1): Promise<Ran> => {
    const { file, args } = commandsOf(image, hardened, vector, machine)[which];
    return run(file, args);
  };

  test('fails under the policy', async () => {
    const ran = await start(0);
    expect(ran.code, ran.stdout + ran.stderr).not.toBe(0);
    // Docker itself failing, or the program missing, would prove nothing.
    expect([125, 126, 127], ran.stderr).not.toContain(ran.code);
    record(vector.attempt, 'denied');
  });

  test('succeeds without its guard', async () => {
    const ran = await start(1);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    record(vector.attempt, 'succeeds');
  });
});

describe.each([printing])('$attempt', ({ attempt, run: words, drop }) => {
  /** The engine's log of it afterwards. */
  const printed = async (changes: Pick<Vector, 'drop'>): Promise<string> => {
    const name = `e2e-${nonce()}`;
    const attempted = { run: words, add: ['--detach', `--name=${name}`], ...changes };
    const { file, args } = commandOf(image, hardened, attempted, machine);
    const started = await run(file, args);
    expect(started.code, started.stderr).toBe(0);
    try {
      await setTimeout(1000);
      const { stdout, stderr } = await docker('logs', name);
      return stdout + stderr;
    } finally {
      await docker('rm', '--force', name);
    }
  };

  test('fails under the policy', async () => {
    expect(await printed({})).toMatch(/does not support reading/);
    record(attempt, 'denied');
  });

  test('succeeds without its guard', async () => {
    expect(await printed({ drop })).toBe('canary\n');
    record(attempt, 'succeeds');
  });
});

describe('a session', () => {
  let tiny: Tiny;
  let neighbour = '';
  beforeAll(async () => {
    tiny = await makeTinyImage();
    neighbour = join(tiny.project, '..', 'neighbour');
    await mkdir(neighbour);
    await writeFile(join(neighbour, 'file'), 'canary');
  });
  afterAll(() => tiny.close());

  /** A project as a new one for every attempt. */
  const renew = async (): Promise<void> => {
    await rm(tiny.project, { recursive: true });
    await mkdir(join(tiny.project, 'config'), { recursive: true });
    for (const file of ['.env', 'config/.env'])
      await writeFile(join(tiny.project, file), 'KEY=canary');
    await run('git', ['init', '--quiet', tiny.project]);
    await writeFile(join(tiny.project, '.git/real'), '');
    // Run as root, the agent is another user, who may do everything here that the machine's user may.
    await run('chmod', ['-R', 'a+rwX', tiny.project]);
  };

  describe.each(sessionVectors)('$attempt', ({ attempt, script, widen }) => {
    const session = async (flags: readonly string[]): Promise<Ran> => {
      await renew();
      const words = flags.map((flag) => flag.replace('{neighbour}', neighbour));
      return aiRun({ ...tiny, env: { ...tiny.env, E2E_CANARY: 'canary' } }, [
        tiny.agent,
        ...words,
        '--',
        '-c',
        script,
      ]);
    };

    test('fails with the defaults', async () => {
      const ran = await session([]);
      expect(ran.code, ran.stdout + ran.stderr).not.toBe(0);
      expect(ran.stderr).not.toMatch(/^error\b/m);
      record(attempt, 'denied');
    });

    test('succeeds with the flag that widens them, which is said', async () => {
      const ran = await session(widen);
      expect(ran.code, ran.stdout + ran.stderr).toBe(0);
      expect(ran.stderr).toContain(widen[0]?.replace('--', ''));
      record(attempt, 'succeeds');
    });
  });
});

const all = [...vectors, printing, ...sessionVectors];

test('docs/security.md shows these results (npm run test:escape -- --update writes it)', async () => {
  await expect(report(all, outcomes)).toMatchFileSnapshot('../../docs/security.md');
});

test('the README shows the policy, and what it does not do', async () => {
  const path = '../../README.md';
  const readme = await readFile(new URL(path, import.meta.url), 'utf8');
  expect(readme).toContain('<!-- /security -->');
  await expect(withSecurity(readme, all.length)).toMatchFileSnapshot(path);
});
