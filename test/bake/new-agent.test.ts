import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BuildReport } from '../../bakery/tester/report.rules.ts';
import { isFull } from '../support/full.ts';
import {
  agentFolder,
  bakery,
  checkout,
  docker,
  edit,
  makeCheckout,
  removeCheckout,
  run,
} from '../e2e/support.ts';

/** Adding an agent is adding a folder: this follows docs/new-agent.md with agents that the catalogue does not have. */

/** The commands of the documentation, with the placeholder filled in. */
const documented = async (name: string): Promise<string[][]> => {
  const text = await readFile(join(checkout, 'docs/new-agent.md'), 'utf8');
  return [...text.matchAll(/^ *npx bakery (.*)$/gm)].map((match) =>
    (match[1] ?? '').replace('<name>', name).split(' '),
  );
};

describe('an agent from npm', () => {
  const name = 'e2e-new';
  let root = '';
  beforeAll(async () => {
    root = await makeCheckout({});
    const fixture = isFull ? join(checkout, 'test/fixtures/new-agent') : agentFolder('small-npm');
    await cp(fixture, join(root, 'agents', name), { recursive: true });
    await rm(join(root, 'agents', name, 'package-lock.json'), { force: true });
  });
  afterAll(() => removeCheckout(root, [name]));

  test('is locked, checked and baked by the documented commands alone', async () => {
    const commands = await documented(name);
    expect(commands.map(([verb]) => verb)).toEqual(['update', 'check', 'build']);
    for (const command of commands) {
      const { code, stdout, stderr } = await bakery(['--root', root, ...command]);
      expect(code, `${command.join(' ')}\n${stdout}${stderr}`).toBe(0);
    }
    const lock = await readFile(join(root, 'agents', name, 'package-lock.json'), 'utf8');
    expect(lock).toContain('"integrity": "sha512-');
    expect(lock).not.toContain('"resolved"');
    const { stdout } = await docker(
      'run',
      '--rm',
      '--network=none',
      `ai-${name}:base`,
      '--version',
    );
    expect(lock).toContain(`"version": "${stdout.trim()}"`);
  });
});

const program = (architecture: string): string =>
  `#!/bin/sh\necho "e2e 2.0.0 for ${architecture}"\n`;

describe('an agent that its maker offers as a download', () => {
  const name = 'e2e-download';
  let root = '';
  let server: Server;
  let address = '';
  const archives = new Map<string, Buffer>();

  const pack = async (architecture: string): Promise<void> => {
    const folder = join(root, 'archive', architecture, 'e2e-2.0.0');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'e2e'), program(architecture), { mode: 0o755 });
    await run('tar', [
      '-czf',
      join(root, `${architecture}.tar.gz`),
      '-C',
      join(folder, '..'),
      'e2e-2.0.0',
    ]);
    archives.set(
      `/2.0.0/e2e-${architecture}.tar.gz`,
      await readFile(join(root, `${architecture}.tar.gz`)),
    );
  };

  beforeAll(async () => {
    root = await makeCheckout({});
    for (const architecture of ['amd64', 'arm64']) await pack(architecture);
    server = createServer((request, response) => {
      const body =
        request.url === '/latest'
          ? Buffer.from('version: 2.0.0\n')
          : archives.get(request.url ?? '');
      response.writeHead(body === undefined ? 404 : 200).end(body);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await mkdir(join(root, 'agents', name));
    await writeFile(
      join(root, 'agents', name, 'agent.yaml'),
      `title: Download
homepage: https://example.com
license: MIT
command: e2e
install:
  kind: download
  version: 1.0.0
  files:
    linux/amd64: { url: '${address}/1.0.0/e2e-amd64.tar.gz' }
    linux/arm64: { url: '${address}/1.0.0/e2e-arm64.tar.gz' }
  strip: 1
  program: e2e
  latest: { url: '${address}/latest', match: 'version: (\\S+)' }
contract: {}
checks:
  - { name: version, run: [e2e], stdout: '^e2e {version} for ' }
budget: 10
`,
    );
  });
  afterAll(async () => {
    server.close();
    await removeCheckout(root, [name]);
  });

  test('is left out by name as long as it has no hash', async () => {
    const { code, stderr } = await bakery(['--root', root, 'build', name]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `${name}: not locked for linux/amd64: no sha256 for ${address}/1.0.0/e2e-amd64.tar.gz`,
    );
  });

  test('is moved to the newest version with the hashes of what is offered', async () => {
    const { code, stdout } = await bakery(['--root', root, 'update', name]);
    expect(code).toBe(0);
    expect(stdout).toContain(`${name} 1.0.0 → 2.0.0`);
    const written = await readFile(join(root, 'agents', name, 'agent.yaml'), 'utf8');
    const hash = createHash('sha256')
      .update(archives.get('/2.0.0/e2e-arm64.tar.gz') ?? '')
      .digest('hex');
    expect(written).toContain(hash);
  });

  test('is baked, and each platform gets its own file', async () => {
    const { code, stdout } = await bakery([
      '--root',
      root,
      'build',
      name,
      '--runtime=base',
      '--platform=linux/amd64,linux/arm64',
      '--json',
    ]);
    const report = JSON.parse(stdout) as BuildReport;
    expect(report.images.map(({ test: outcome }) => outcome)).toEqual(['passed', 'passed']);
    expect(code).toBe(0);
    for (const architecture of ['amd64', 'arm64']) {
      const ran = await docker(
        'run',
        '--rm',
        `--platform=linux/${architecture}`,
        `ai-${name}:base`,
      );
      expect(ran.stdout).toBe(`e2e 2.0.0 for ${architecture}\n`);
    }
  });

  test('is refused when the file is not what was locked', async () => {
    await edit(join(root, 'agents', name, 'agent.yaml'), (text) =>
      text.replaceAll(/sha256: [0-9a-f]{64}/g, `sha256: ${'f'.repeat(64)}`),
    );
    const { code, stdout } = await bakery([
      '--root',
      root,
      'build',
      name,
      '--runtime=base',
      '--no-test',
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain('digest mismatch');
  });

  test('is refused when it holds a program for another machine', async () => {
    const foreign = Buffer.alloc(64);
    foreign.write('\u007fELF', 'latin1');
    // e_machine of SPARC V9, which no image here is for.
    foreign.writeUInt16LE(43, 18);
    const folder = join(root, 'archive', 'foreign', 'e2e-2.0.0');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'e2e'), foreign, { mode: 0o755 });
    await run('tar', ['-czf', join(root, 'foreign.tar.gz'), '-C', join(folder, '..'), 'e2e-2.0.0']);
    const archive = await readFile(join(root, 'foreign.tar.gz'));
    archives.set('/2.0.0/e2e-amd64.tar.gz', archive);
    const hash = createHash('sha256').update(archive).digest('hex');
    await edit(join(root, 'agents', name, 'agent.yaml'), (text) =>
      text.replaceAll(/sha256: [0-9a-f]{64}/g, `sha256: ${hash}`),
    );
    const { code, stdout } = await bakery([
      '--root',
      root,
      'build',
      name,
      '--runtime=base',
      '--platform=linux/amd64',
      '--no-test',
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain('/out/opt/agent/program/e2e is not for amd64');
    await rm(join(root, 'archive'), { recursive: true });
  });
});
