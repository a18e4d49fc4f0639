import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launch } from '../../ai-run/core/launch.ts';
import { platformOfMachine } from '../../ai-run/core/platform.ts';
import { harden, type Policy } from '../../ai-run/core/policy.ts';
import { bakery, type Ran, run } from '../e2e/support.ts';
import { report } from './report.ts';
import { type Machine, type Vector, vectors } from './vectors.ts';

/** Every way out, tried twice in a real agent's image: under the whole policy, and without the one guard. */

const image = 'ai-gemini:base';
const platform = platformOfMachine(process.arch) ?? 'linux/amd64';
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

const start = (
  policy: Policy,
  { run: words, drop, add }: Pick<Vector, 'run' | 'drop' | 'add'>,
): Promise<Ran> => {
  const [file, ...rest] = words.map((word) =>
    word.replace('{port}', String(machine.port)).replace('{file}', machine.file),
  );
  const command = launch({ image, platform, policy, command: [file ?? '', ...rest] });
  const end = command.args.indexOf(image);
  const flags = command.args.slice(0, end).filter((flag) => drop?.test(flag) !== true);
  return run(command.file, [...flags, ...(add ?? []), ...command.args.slice(end)]);
};

/** What was seen, by attempt: under the policy, then without the guard. */
const outcomes = new Map<string, string[]>();
const record = (attempt: string, outcome: string): void =>
  void outcomes.set(attempt, [...(outcomes.get(attempt) ?? []), outcome]);

describe.each(vectors)('$attempt', ({ attempt, run: words, given, without, drop, add }) => {
  const policy = given?.(hardened) ?? hardened;

  test('fails under the policy', async () => {
    const ran = await start(policy, { run: words });
    expect(ran.code, ran.stdout + ran.stderr).not.toBe(0);
    // Docker itself failing, or the program missing, would prove nothing.
    expect([125, 126, 127], ran.stderr).not.toContain(ran.code);
    record(attempt, 'denied');
  });

  test('succeeds without its guard', async () => {
    const ran = await start(without?.(policy, machine) ?? policy, {
      run: words,
      ...(drop === undefined ? {} : { drop }),
      ...(add === undefined ? {} : { add }),
    });
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    record(attempt, 'succeeds');
  });
});

test('docs/security.md shows these results (npm run test:escape -- --update writes it)', async () => {
  await expect(report(vectors, outcomes)).toMatchFileSnapshot('../../docs/security.md');
});
