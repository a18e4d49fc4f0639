import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseChallenge } from '../../../bakery/registry/challenge.rules.ts';
import { parseManifest } from '../../../bakery/registry/manifest.rules.ts';
import { openRegistry } from '../../../bakery/registry/registry.ts';

const digestOf = (letter: string): `sha256:${string}` => `sha256:${letter.repeat(64)}`;
const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));

const index = JSON.stringify({
  schemaVersion: 2,
  manifests: [
    { digest: digestOf('a'), platform: { os: 'linux', architecture: 'amd64' } },
    { digest: digestOf('b'), platform: { os: 'linux', architecture: 'arm64' } },
    { digest: digestOf('c'), platform: { os: 'unknown', architecture: 'unknown' } },
  ],
  annotations: { 'ai-run.key': 'sha256:abc' },
});
const digest = `sha256:${createHash('sha256').update(index).digest('hex')}`;
const parsed = {
  digest,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  body: bytes(index),
  children: ['a', 'b', 'c'].map(digestOf),
  platforms: ['linux/amd64', 'linux/arm64'],
  annotations: { 'ai-run.key': 'sha256:abc' },
};

describe('parseManifest', () => {
  test('reads an index; attestations are no platform', () => {
    expect(parseManifest(bytes(index))).toEqual(parsed);
  });

  test('reads a single manifest, which names no platform', () => {
    expect(parseManifest(bytes('{"layers":[]}'))).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      platforms: [],
      children: [],
      annotations: {},
    });
  });

  test.each([
    ['', 'it is empty'],
    ['no JSON', 'JSON'],
    ['[]', 'expected object'],
    ['{"manifests":1}', 'expected array'],
    ['{"annotations":{"a":1}}', 'expected string'],
    ['{"manifests":[{"digest":"sha256:abc"}]}', 'manifests.0.digest: '],
  ])('refuses %j', (body, message) => {
    expect(() => parseManifest(bytes(body))).toThrow(message);
  });
});

describe('parseChallenge', () => {
  test.each([
    ['Basic realm="here"', { scheme: 'basic', parameters: { realm: 'here' } }],
    [
      'Bearer realm="https://auth.example.com/token",service="a b",scope="repository:x/y:pull,push"',
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.example.com/token',
          service: 'a b',
          scope: 'repository:x/y:pull,push',
        },
      },
    ],
    ['bearer REALM=plain', { scheme: 'bearer', parameters: { realm: 'plain' } }],
    ['Negotiate', undefined],
    [null, undefined],
  ])('%s', (header, challenge) => {
    expect(parseChallenge(header)).toEqual(challenge);
  });
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers with the index to whom `allowed` says, and challenges everybody else. */
const guarded =
  (challenge: () => string, allowed: (authorization: string) => boolean): Handler =>
  (request, response) =>
    allowed(request.headers.authorization ?? '')
      ? response.end(index)
      : response.writeHead(401, { 'www-authenticate': challenge() }).end();

describe('readManifest', () => {
  let server: Server;
  let address: string;
  let requests: string[];
  let handler: Handler;
  let folder: string;

  beforeEach(async () => {
    requests = [];
    folder = await mkdtemp(join(tmpdir(), 'registry-'));
    vi.stubEnv('DOCKER_CONFIG', folder);
    server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`);
      handler(request, response);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  });

  const read = (
    name = `${address}/acme/image:tag`,
    signal = new AbortController().signal,
  ): Promise<unknown> => openRegistry(signal).readManifest(name);
  const list = (): Promise<string[]> =>
    openRegistry(new AbortController().signal).readTags(`${address}/acme/image`);
  const tokens = (): string[] => requests.filter((line) => line.includes('/token'));
  const config = (value: unknown): Promise<void> =>
    writeFile(join(folder, 'config.json'), JSON.stringify(value));

  test('reads what there is, and computes the digest itself', async () => {
    handler = (_, response) => response.setHeader('docker-content-digest', 'sha256:no').end(index);
    expect(await read()).toEqual(parsed);
    expect(requests).toEqual(['GET /v2/acme/image/manifests/tag ']);
  });

  test('by digest, what was asked for or nothing', async () => {
    handler = (_, response) => response.end(index);
    expect(await read(`${address}/acme/image@${digest}`)).toEqual(parsed);
    const other = `sha256:${'0'.repeat(64)}`;
    await expect(read(`${address}/acme/image@${other}`)).rejects.toThrow(
      `${address}/acme/image@${other}: the registry sent ${digest}`,
    );
  });

  test('nothing there is not an error', async () => {
    handler = (_, response) => response.writeHead(404).end();
    expect(await read()).toBeUndefined();
  });

  test('gives a password to who asks for it', async () => {
    await config({
      auths: { [address]: { auth: Buffer.from('me:pass:word').toString('base64') } },
    });
    const right = `Basic ${Buffer.from('me:pass:word').toString('base64')}`;
    handler = guarded(
      () => 'Basic realm="x"',
      (given) => given === right,
    );
    expect(await read()).toEqual(parsed);
  });

  test('exchanges a password for a token, and an expired token for a new one', async () => {
    await config({ auths: { [address]: { auth: Buffer.from('me:word').toString('base64') } } });
    let current = 0;
    handler = (request, response) => {
      const url = new URL(request.url ?? '', `http://${address}`);
      if (url.pathname === '/token') {
        current += 1;
        response.end(JSON.stringify({ token: `t${current}` }));
        return;
      }
      guarded(
        () =>
          `Bearer realm="http://${address}/token",service="s",scope="repository:acme/image:pull"`,
        (given) => given === `Bearer t${current}` && current > 0,
      )(request, response);
    };
    const registry = openRegistry(new AbortController().signal);
    const name = `${address}/acme/image:tag`;
    expect(await registry.readManifest(name)).toEqual(parsed);
    expect(await registry.readManifest(name)).toEqual(parsed);
    expect(tokens()).toEqual([
      `GET /token?service=s&scope=repository%3Aacme%2Fimage%3Apull Basic ${Buffer.from('me:word').toString('base64')}`,
    ]);
    current += 1; // tokens that were given out are worth nothing any more
    expect(await registry.readManifest(name)).toEqual(parsed);
    expect(tokens()).toHaveLength(2);
  });

  /** Tokens that are good for so many requests each. */
  const shortLived = (requestsEach: number): Handler => {
    const left = new Map<string, number>();
    return (request, response) => {
      if (request.url?.startsWith('/token') === true) {
        left.set(`Bearer t${left.size}`, requestsEach);
        return response.end(JSON.stringify({ token: `t${left.size - 1}` }));
      }
      const given = request.headers.authorization ?? '';
      const remaining = left.get(given) ?? 0;
      left.set(given, remaining - 1);
      const challenge = `Bearer realm="http://${address}/token",service="s",error="invalid_token"`;
      return guarded(
        () => challenge,
        () => remaining > 0,
      )(request, response);
    };
  };

  test('asks for another token where one has expired before it was used, and gives up in the end', async () => {
    handler = shortLived(0);
    await expect(read()).rejects.toThrow('401 Unauthorized');
    expect(tokens()).toHaveLength(3);
    handler = shortLived(1);
    expect(await read()).toEqual(parsed);
  });

  test('gets one token for all requests that wait for it', async () => {
    handler = shortLived(1000);
    const registry = openRegistry(new AbortController().signal);
    const name = `${address}/acme/image:tag`;
    await Promise.all(Array.from({ length: 20 }, () => registry.readManifest(name)));
    expect(tokens()).toHaveLength(1);
  });

  test.each([
    [503, 'no token from 127.0.0.1'],
    [401, '401 Unauthorized'],
    [403, '401 Unauthorized'],
  ])('says who refused, where the token service answers %i', async (status, why) => {
    handler = (request, response) =>
      request.url?.startsWith('/token') === true
        ? response.writeHead(status, { 'retry-after': '0' }).end()
        : guarded(
            () => `Bearer realm="http://${address}/token",service="s"`,
            () => false,
          )(request, response);
    await expect(read()).rejects.toThrow(why);
  });

  test('does not repeat a password that is wrong', async () => {
    await config({ auths: { [address]: { auth: Buffer.from('me:wrong').toString('base64') } } });
    handler = guarded(
      () => 'Basic realm="x"',
      () => false,
    );
    await expect(read()).rejects.toThrow('401 Unauthorized');
    expect(requests).toHaveLength(2);
  });

  test('takes what a credential helper knows', async () => {
    const program = join(folder, 'docker-credential-shelf');
    await writeFile(
      program,
      `#!/bin/sh\nread server; [ "$1 $server" = "get ${address}" ] && echo '{"Username":"<token>","Secret":"refresh"}'\n`,
    );
    await chmod(program, 0o755);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
    await config({ credHelpers: { [address]: 'shelf' } });
    let asked = '';
    handler = (request, response) => {
      if (request.url === '/token') {
        request.on('data', (chunk: Buffer) => (asked += chunk.toString()));
        request.on('end', () => response.end('{"access_token":"good"}'));
        return;
      }
      guarded(
        () => `Bearer realm="http://${address}/token",service="s"`,
        (given) => given === 'Bearer good',
      )(request, response);
    };
    expect(await read()).toEqual(parsed);
    expect(Object.fromEntries(new URLSearchParams(asked))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
    });
  });

  test('says that it was refused, and shows no secret', async () => {
    await config({ auths: { [address]: { auth: Buffer.from('me:word').toString('base64') } } });
    handler = (_, response) => response.writeHead(403).end();
    await expect(read()).rejects.toMatchObject({
      code: 'E_REGISTRY',
      message: `${address}/acme/image:tag: 403 Forbidden`,
    });
  });

  test.each([429, 500, 503])('tries again after %i, when the registry says', async (status) => {
    handler = (_, response) =>
      requests.length < 3
        ? response.writeHead(status, { 'retry-after': '0' }).end()
        : response.end(index);
    expect(await read()).toEqual(parsed);
    expect(requests).toHaveLength(3);
  });

  test('tries again after a 403 that means too often, and after no other one', async () => {
    const errors = [{ code: 'DENIED', message: 'You have exceeded a secondary rate limit' }];
    handler = (_, response) =>
      requests.length < 2
        ? response.writeHead(403).end(JSON.stringify({ errors }))
        : response.end(index);
    expect(await read()).toEqual(parsed);
    expect(requests).toHaveLength(2);
    handler = (_, response) => response.writeHead(403).end('{"errors":[{"code":"DENIED"}]}');
    await expect(read()).rejects.toThrow('403 Forbidden: DENIED');
    expect(requests).toHaveLength(3);
  });

  test('tries again after a connection that broke', async () => {
    handler = (request, response) =>
      requests.length < 2 ? request.socket.destroy() : response.end(index);
    expect(await read()).toEqual(parsed);
  });

  test('tries again after an answer that broke off', async () => {
    handler = (_, response) => {
      if (requests.length > 1) return response.end(index);
      response.writeHead(200, { 'content-length': index.length });
      response.write(index.slice(0, 20));
      return setImmediate(() => response.socket?.destroy());
    };
    expect(await read()).toEqual(parsed);
    expect(requests).toHaveLength(2);
  });

  test('gives up in the end', async () => {
    handler = (_, response) => response.writeHead(503, { 'retry-after': '0' }).end();
    await expect(read()).rejects.toThrow('503 Service Unavailable');
    expect(requests).toHaveLength(5);
  });

  test('nobody listens: said at once', async () => {
    server.close();
    await expect(read()).rejects.toThrow(
      `${address}/acme/image:tag: connect ECONNREFUSED ${address}`,
    );
  });

  test('stops waiting when it is interrupted', async () => {
    const controller = new AbortController();
    handler = (_, response) => {
      response.writeHead(503, { 'retry-after': '60' }).end();
      setImmediate(() => controller.abort());
    };
    await expect(read(undefined, controller.signal)).rejects.toMatchObject({
      code: 'E_INTERRUPTED',
    });
  });

  test.each(['no JSON', '[]', '{"auths":1}'])('refuses docker’s configuration %j', async (text) => {
    await writeFile(join(folder, 'config.json'), text);
    handler = guarded(
      () => 'Basic realm="x"',
      () => false,
    );
    await expect(read()).rejects.toMatchObject({ code: 'E_DOCKER_CONFIG' });
  });

  describe('lists tags', () => {
    test('of the same registry only: another one is not asked', async () => {
      handler = (_, response) =>
        response
          .setHeader('link', '<http://127.0.0.2:1/v2/x/tags/list>; rel="next"')
          .end('{"tags":["a"]}');
      expect(await list()).toEqual(['a']);
    });

    test.each([
      ['a repository that does not exist', 404, ''],
      ['one that is empty', 200, '{"tags":null}'],
    ])('none of %s', async (_, status, body) => {
      handler = (__, response) => response.writeHead(status).end(body);
      expect(await list()).toEqual([]);
    });
  });
});
