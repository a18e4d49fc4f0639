import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bakery, checkout } from './bakery.ts';

/** Verbs that read a registry reach it by the proxy of bakery.local.yaml or of the environment. */

vi.setConfig({ testTimeout: 60_000 });

let folder = '';
let server: Server;
let proxy = '';
let asked: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bakery-proxy-'));
  server = createServer();
  server.on('connect', ({ url = '' }, socket) => {
    asked.push(url);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const plan = async (name: string, settings: string, env: Readonly<Record<string, string>>) => {
  const root = join(folder, name);
  await cp(checkout, root, { recursive: true });
  await writeFile(join(root, 'bakery.local.yaml'), settings);
  asked = [];
  const args = ['--root', root, 'plan', 'otter', '--runtime', 'base'];
  return bakery([...args, '--registry', 'registry.invalid/ai'], { env });
};

test('by the settings', async () => {
  const { code, stdout, stderr } = await plan('settings', `proxy: { https: ${proxy} }\n`, {});
  expect(code).toBe(1);
  // A refusal is final.
  expect(new Set(asked)).toEqual(new Set(['registry.invalid:443']));
  expect(`${stdout}${stderr}`).toContain(`through the proxy ${proxy}: the proxy answered 403`);
});

test('by the environment', async () => {
  await plan('environment', '', { HTTPS_PROXY: proxy });
  expect(asked).toContain('registry.invalid:443');
});

test('and without them directly', async () => {
  const env = { HTTPS_PROXY: proxy, NO_PROXY: 'registry.invalid' };
  const { code, stdout, stderr } = await plan('direct', '', env);
  expect(code).toBe(1);
  expect(asked).toEqual([]);
  expect(`${stdout}${stderr}`).toContain('ENOTFOUND registry.invalid');
});
