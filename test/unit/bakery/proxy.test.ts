import { createServer, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { proxyOf, readProxySettings } from '../../../bakery/registry/proxy.ts';
import { openRegistry } from '../../../bakery/registry/registry.ts';
import { serveTestRegistry } from '../../support/registry.ts';

const http = 'http://proxy.example.com:3128';
const https = 'http://secure.example.com:3129';

describe('the proxy of a request', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['https://reg.example.com/v2/', undefined, https],
    ['http://reg.example.com/v2/', undefined, http],
    ['https://reg.example.com/', 'other.example.com', https],
    ['https://reg.example.com/', 'reg.example.com', undefined],
    ['https://reg.example.com/', 'example.com', undefined],
    ['https://reg.example.com/', '.example.com', undefined],
    ['https://reg.example.com/', '*.example.com', undefined],
    ['https://reg.example.com/', ' a.example , EXAMPLE.com ', undefined],
    ['https://REG.example.com/', 'example.com', undefined],
    ['https://reg.example.com/', '*', undefined],
    ['https://example.com/', 'example.com', undefined],
    ['https://example.com/', '.example.com', https],
    ['https://badexample.com/', 'example.com', https],
    ['https://reg.example.com/', '', https],
    ['https://reg.example.com:5000/', 'reg.example.com', undefined],
    ['https://reg.example.com:5000/', 'reg.example.com:5000', undefined],
    ['https://reg.example.com/', 'reg.example.com:443', undefined],
    ['https://reg.example.com/', 'reg.example.com:5000', https],
    ['https://10.1.2.3/', '10.1.2.3', undefined],
    ['https://10.1.2.3/', '10.0.0.0/8', undefined],
    ['https://11.1.2.3/', '10.0.0.0/8', https],
    ['https://10.1.2.3/', '10.0.0.0/99', https],
    ['https://10.1.2.3/', '2.3', https],
    ['https://[fd00::1]/', 'fd00::/8', undefined],
    ['https://[fd00::1]/', 'fd00::1', undefined],
    ['https://[fd00::1]:5000/', '[fd00::1]:5000', undefined],
    ['https://[fc00::1]/', 'fd00::1', https],
    ['http://localhost:5000/', undefined, undefined],
    ['http://127.0.0.1:5000/', undefined, undefined],
    ['http://127.0.0.2:5000/', undefined, undefined],
    ['https://[::1]:5000/', undefined, undefined],
  ])('%s without %j: %s', (url, no, proxy) => {
    const settings = { http, https, ...(no === undefined ? {} : { no }) };
    expect(proxyOf(new URL(url), settings)).toBe(proxy);
  });

  test('has a scheme', () => {
    expect(proxyOf(new URL('http://a.example/'), { http: 'proxy:3128' })).toBe('http://proxy:3128');
  });

  test('of http is not one of https', () => {
    expect(proxyOf(new URL('https://a.example/'), { http })).toBeUndefined();
    expect(proxyOf(new URL('http://a.example/'), { https })).toBeUndefined();
  });
});

describe('the settings of proxies', () => {
  const env = { HTTP_PROXY: 'a', https_proxy: 'b', NO_PROXY: 'c', no_proxy: 'd', HTTPS_PROXY: '' };
  test('come from the environment, in capitals first', () => {
    expect(readProxySettings(undefined, env)).toEqual({ http: 'a', https: 'b', no: 'c' });
    expect(readProxySettings(undefined, {})).toEqual({});
  });

  test('are those of bakery.yaml first', () => {
    expect(readProxySettings({ https, no: '' }, env)).toEqual({ http: 'a', https, no: '' });
  });
});

const variables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

describe('the client of registries', () => {
  let server: Server;
  let proxy: string;
  /** The proxy's requests: `CONNECT host:port`, `GET http://…`. */
  let asked: string[];
  /** Ends a client once the proxy was asked for a tunnel. */
  let interrupted: AbortController;
  /** The host that receives plain requests from the proxy. */
  let onward: string;

  beforeEach(async () => {
    for (const name of variables) vi.stubEnv(name, undefined);
    asked = [];
    onward = '';
    interrupted = new AbortController();
    server = createServer((incoming, outgoing) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      const { pathname } = new URL(incoming.url ?? '');
      const sent = ask(`http://${onward}${pathname}`, { method: incoming.method }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(sent);
    });
    server.on('connect', (incoming, socket) => {
      asked.push(`CONNECT ${incoming.url}`);
      interrupted.abort();
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    server.close();
    server.closeAllConnections();
  });

  const read = (settings: Parameters<typeof openRegistry>[1]): Promise<unknown> =>
    openRegistry(interrupted.signal, settings)
      .readManifest('registry.invalid/ai/image:tag')
      .then(
        () => undefined,
        (error: unknown) => error,
      );

  test.each(['HTTPS_PROXY', 'https_proxy'])('goes by %s', async (name) => {
    vi.stubEnv(name, proxy);
    await read({});
    expect(asked).toContain('CONNECT registry.invalid:443');
  });

  test('goes by the settings, before the environment', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9');
    await read({ proxy: { https: proxy } });
    expect(asked).toContain('CONNECT registry.invalid:443');
  });

  test('names the proxy in its error, without the password', async () => {
    server.close();
    server.closeAllConnections();
    vi.stubEnv('HTTPS_PROXY', proxy.replace('://', '://me:hidden@'));
    expect(await read({})).toMatchObject({
      code: 'E_REGISTRY',
      message: `registry.invalid/ai/image:tag: through the proxy ${proxy.replace('://', '://***@')}: connect ECONNREFUSED ${proxy.slice(7)}`,
      hint: expect.stringContaining('"proxy" in bakery.local.yaml') as string,
    });
  });

  test.each<[string, () => Parameters<typeof openRegistry>[1]]>([
    ['NO_PROXY', () => ({})],
    ['no of the settings', () => ({ proxy: { https: proxy, no: '.invalid' } })],
  ])('goes without it where %s says so', async (_, settings) => {
    vi.stubEnv('HTTPS_PROXY', proxy);
    vi.stubEnv('NO_PROXY', 'registry.invalid');
    expect(await read(settings())).toMatchObject({ network: 'ENOTFOUND', status: undefined });
    expect(asked).toEqual([]);
  });

  test('goes to loopback without it', async () => {
    await using registry = await serveTestRegistry();
    registry.store.putManifest('ai/image', { manifests: [] }, 'tag');
    vi.stubEnv('HTTP_PROXY', proxy);
    vi.stubEnv('HTTPS_PROXY', proxy);
    const client = openRegistry(new AbortController().signal);
    expect(await client.readManifest(`${registry.host}/ai/image:tag`)).toBeDefined();
    expect(asked).toEqual([]);
  });

  test('sends plain HTTP through it without a tunnel: a token service', async () => {
    await using tokens = await serveTestRegistry({ auth: { scheme: 'bearer' } });
    await using registry = await serveTestRegistry();
    registry.store.putManifest('ai/image', { manifests: [] }, 'tag');
    onward = tokens.host;
    registry.inject(({ authorization }) =>
      authorization === undefined
        ? {
            status: 401,
            headers: { 'www-authenticate': 'Bearer realm="http://token.invalid/token"' },
          }
        : undefined,
    );
    vi.stubEnv('HTTP_PROXY', proxy);
    const client = openRegistry(new AbortController().signal);
    expect(await client.readManifest(`${registry.host}/ai/image:tag`)).toBeDefined();
    expect(asked).toEqual([expect.stringMatching(/^GET http:\/\/token\.invalid(?::80)?\/token/)]);
  });
});
