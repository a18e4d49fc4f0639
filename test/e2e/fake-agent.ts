import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { until } from './fake-caller.ts';
import { docker, makeCheckout, nonce } from './support.ts';

/** Offers programs for download on loopback, and can be slow about it. */
export type Maker = {
  /** Offers a program from now on. */
  readonly offer: (program: string) => { readonly url: string; readonly sha256: string };
  /** From now on nobody gets an answer. */
  readonly hold: () => void;
  /** Answers those who wait, and everyone after them. */
  readonly release: () => void;
  /** The number of requests that wait for an answer. */
  readonly waiting: () => number;
  readonly close: () => void;
};

export const openMaker = async (): Promise<Maker> => {
  const programs = new Map<string, string>();
  const waiting = new Map<ServerResponse, string>();
  let held = false;
  const answer = (response: ServerResponse, path: string): void => {
    const program = programs.get(path);
    response.writeHead(program === undefined ? 404 : 200).end(program);
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (!held) {
      answer(response, path);
      return;
    }
    waiting.set(response, path);
    response.on('close', () => waiting.delete(response));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    offer: (program) => {
      const sha256 = createHash('sha256').update(program).digest('hex');
      programs.set(`/${sha256}`, program);
      return { url: `http://127.0.0.1:${port}/${sha256}`, sha256 };
    },
    hold: () => {
      held = true;
    },
    release: () => {
      held = false;
      for (const [response, path] of waiting) answer(response, path);
    },
    waiting: () => waiting.size,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

/** One of an agent's checks, as agent.yaml has it. */
export type WrittenCheck = {
  readonly name: string;
  readonly run: readonly string[];
  readonly exit?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly timeout?: number;
};

/** The version check of the smallest agent. */
export const versionCheck: WrittenCheck = {
  name: 'version',
  run: ['tiny'],
  stdout: '^tiny {version}$',
};

export type TinyAgent = {
  /** Writes its definition; with another program when `cold`, so that nothing of it is in a cache. */
  readonly write: (checks: readonly WrittenCheck[], kind?: 'cold') => Promise<void>;
};

/** An agent of one shell script, in a checkout that has no runtime but `base`. */
export const makeTiny = (root: string, name: string, maker: Maker): TinyAgent => {
  let files = {};
  return {
    write: async (checks, kind) => {
      if (kind === 'cold') {
        const file = maker.offer(`#!/bin/sh\n# ${nonce()}\necho tiny 1.0.0\n`);
        files = { 'linux/amd64': file, 'linux/arm64': file };
      }
      await mkdir(join(root, 'agents', name), { recursive: true });
      await writeFile(
        join(root, 'agents', name, 'agent.yaml'),
        // JSON is YAML.
        JSON.stringify({
          title: 'Tiny',
          homepage: 'https://example.com',
          license: 'MIT',
          command: 'tiny',
          install: { kind: 'download', version: '1.0.0', files, program: 'tiny' },
          contract: {},
          checks,
          budget: 1,
        }),
      );
    },
  };
};

/** A checkout of its own with these agents of the catalogue and the runtime `base` only. */
export const makeBaseCheckout = async (
  agents: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const root = await makeCheckout(agents);
  for (const runtime of await readdir(join(root, 'runtimes'))) {
    if (runtime !== 'base') await rm(join(root, 'runtimes', runtime), { recursive: true });
  }
  return root;
};

/** Containers that smoke tests of this image left, in whatever state. Other sessions have others. */
export const containersOf = async (image: string): Promise<string[]> => {
  const { stdout } = await docker('ps', '--all', '--format={{.Image}} {{.ID}} {{.Status}}');
  return stdout.split('\n').filter((line) => line.startsWith(`${image} `));
};

/** The engine may be at the end of a removal; what was forgotten stays. */
export const noContainerIsLeft = (image: string): Promise<void> =>
  until('no container is left', async () => (await containersOf(image)).length === 0, 30);
