import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { addressOf, findEndpoint, readTls } from '../../../kernel/endpoint.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A machine with these files below the home. */
const machine = (env: Record<string, string>, files: Record<string, string> = {}) => ({
  env,
  home: '/home/me',
  sha256,
  read: (path: string): string | undefined => files[path.replace('/home/me/', '')],
});

const meta = (host: string, more: object = {}): string =>
  JSON.stringify({ Name: 'x', Endpoints: { docker: { Host: host, ...more } } });
const metaOf = (context: string): string => `.docker/contexts/meta/${sha256(context)}/meta.json`;
const config = (name: string) => ({ '.docker/config.json': `{"currentContext":"${name}"}` });
const contexts = {
  [metaOf('rootless')]: meta('unix:///run/user/1000/docker.sock'),
  [metaOf('desktop')]: meta('unix:///desktop.sock'),
  [metaOf('odd')]: '{"Endpoints":null}',
  [metaOf('far')]: meta('tcp://far.example:2376', { SkipTLSVerify: true }),
};
const folderOf = (context: string): string =>
  `/home/me/.docker/contexts/tls/${sha256(context)}/docker`;

const standard = { host: 'unix:///var/run/docker.sock', from: 'docker’s default' };
const rootless = {
  host: 'unix:///run/user/1000/docker.sock',
  from: 'context rootless',
  certificates: folderOf('rootless'),
};
const desktop = {
  host: 'unix:///desktop.sock',
  from: 'context desktop',
  certificates: folderOf('desktop'),
};

describe('the engine', () => {
  test.each<[Record<string, string>, Record<string, string>, object | undefined]>([
    [{}, {}, standard],
    [{}, { '.docker/config.json': '{}' }, standard],
    [{}, { '.docker/config.json': 'not JSON' }, standard],
    [{}, config('rootless'), rootless],
    [{}, config('default'), standard],
    [{ DOCKER_CONTEXT: 'desktop' }, config('rootless'), desktop],
    [{ DOCKER_CONTEXT: 'default' }, config('rootless'), standard],
    [{ DOCKER_CONTEXT: '' }, config('rootless'), rootless],
    [{ DOCKER_CONTEXT: 'gone' }, {}, undefined],
    [{}, config('odd'), undefined],
    [
      { DOCKER_HOST: 'ssh://me@example.com', DOCKER_CONTEXT: 'desktop' },
      config('rootless'),
      { host: 'ssh://me@example.com', from: 'DOCKER_HOST' },
    ],
    [{ DOCKER_HOST: '' }, config('rootless'), rootless],
    [
      { DOCKER_CONTEXT: 'far', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/elsewhere' },
      {},
      {
        host: 'tcp://far.example:2376',
        from: 'context far',
        certificates: folderOf('far'),
        unverified: true,
      },
    ],
    [
      { DOCKER_HOST: 'tcp://h:1', DOCKER_TLS_VERIFY: '1' },
      {},
      { host: 'tcp://h:1', from: 'DOCKER_HOST', certificates: '/home/me/.docker', tls: true },
    ],
    [
      { DOCKER_TLS: '1', DOCKER_CERT_PATH: '/certs' },
      {},
      {
        host: 'tcp://localhost:2376',
        from: 'docker’s default',
        certificates: '/certs',
        tls: true,
        unverified: true,
      },
    ],
  ])('with %j and %j is %j', (env, files, expected) => {
    expect(findEndpoint(machine(env, { ...contexts, ...files }))).toEqual(expected);
  });

  test('is found in the folder of DOCKER_CONFIG', () => {
    const moved = machine({ DOCKER_CONFIG: '/home/me/.docker' }, { ...contexts, ...config('far') });
    expect(findEndpoint({ ...moved, home: '/home/other' })).toMatchObject({ from: 'context far' });
  });
});

test.each([
  ['unix:///a b.sock', { kind: 'socket', path: '/a b.sock' }],
  ['unix://', { kind: 'socket', path: '/var/run/docker.sock' }],
  ['ssh://me@example.com', { kind: 'ssh' }],
  ['tcp://192.0.2.1:2376', { kind: 'tcp', host: '192.0.2.1', port: 2376 }],
  ['tcp://h/', { kind: 'tcp', host: 'h', port: 2375 }],
  ['tcp://[::1]:1', { kind: 'tcp', host: '::1', port: 1 }],
  ['192.0.2.1', { kind: 'tcp', host: '192.0.2.1', port: 2375 }],
  [':5', { kind: 'tcp', host: 'localhost', port: 5 }],
  ['', undefined],
  ['fd://3', undefined],
  ['http://h:1', undefined],
  ['npipe:////./pipe/docker_engine', undefined],
])('the address of %j is %j', (host, expected) => {
  expect(addressOf({ host, from: 'a test' })).toEqual(expected);
});

describe('certificates', () => {
  const files: Record<string, string> = {
    '/all/ca.pem': 'CA',
    '/all/cert.pem': 'CERT',
    '/all/key.pem': 'KEY',
    '/ca/ca.pem': 'CA',
  };
  const read = (path: string): string | undefined => files[path];
  const endpoint = { host: 'tcp://h:1', from: 'a test' };

  test.each([
    ['none without a folder', {}, undefined],
    ['none in an empty folder', { certificates: '/none' }, undefined],
    ['all', { certificates: '/all' }, { ca: 'CA', cert: 'CERT', key: 'KEY', verify: true }],
    ['the CA alone', { certificates: '/ca' }, { ca: 'CA', verify: true }],
    ['no check', { certificates: '/none', unverified: true } as const, { verify: false }],
    [
      'no check of variables',
      { certificates: '/ca', tls: true, unverified: true } as const,
      { ca: 'CA', verify: false },
    ],
  ])('are %s', (_, more, expected) => {
    expect(readTls({ ...endpoint, ...more }, read)).toEqual(expected);
  });

  test('that variables ask for must have a CA', () => {
    expect(() => readTls({ ...endpoint, certificates: '/none', tls: true }, read)).toThrow(
      expect.objectContaining({
        code: 'E_NO_ENGINE',
        message: '/none/ca.pem cannot be read',
      }),
    );
  });
});
