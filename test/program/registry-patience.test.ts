import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { checkout, cli } from './bakery.ts';

/** Every verb gives up on a silent registry after the patience of bakery.yaml, and asks it again. */

vi.setConfig({ testTimeout: 60_000 });

/** Milliseconds: less than a minute, the client's own patience. */
const patience = 10_000;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bakery-patience-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Milliseconds from the first request for an address to the second. */
const secondRequest = async (args: readonly string[], name: string): Promise<number> => {
  const first = new Map<string, number>();
  const again = Promise.withResolvers<number>();
  const server = createServer(({ url = '' }) => {
    const before = first.get(url);
    if (before === undefined) first.set(url, performance.now());
    else again.resolve(performance.now() - before);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const root = join(folder, name);
  await cp(checkout, root, { recursive: true });
  await writeFile(
    join(root, 'bakery.local.yaml'),
    `patience: ${patience / 1000}\nmirrors: { docker.io: ${address}, ghcr.io: ${address} }\n`,
  );
  const words = args.map((word) => word.replace('REGISTRY', `${address}/ai`));
  const child = spawn(process.execPath, [cli, '--root', root, ...words], {
    env: { PATH: '/nowhere' },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit').then(() => 0);
  const waited = await Promise.race([again.promise, ended]);
  child.kill('SIGKILL');
  server.closeAllConnections();
  server.close();
  return waited;
};

test.concurrent.each<[string, readonly string[]]>([
  ['plan', ['plan', '--registry', 'REGISTRY']],
  ['publish', ['publish', '--registry', 'REGISTRY']],
  ['dry-run', ['publish', '--registry', 'REGISTRY', '--dry-run']],
  ['ci', ['ci', '--registry', 'REGISTRY']],
  ['prune', ['prune', '--registry', 'REGISTRY']],
  ['doctor', ['doctor']],
  ['update', ['update', '--upstreams', '--check']],
])('%s', async (name, args) => {
  const waited = await secondRequest(args, name);
  expect(waited).toBeGreaterThan(patience - 1000);
  expect(waited).toBeLessThan(3 * patience);
});
