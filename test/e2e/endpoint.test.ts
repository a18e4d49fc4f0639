import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { runContainer } from '../../bakery/engine/containers.ts';
import { engineEndpoint } from '../../bakery/engine/endpoint.ts';
import { openEngine } from '../../bakery/engine/engine.ts';
import { smokePolicy } from '../../bakery/tester/judge.rules.ts';
import { create } from '../../kernel/launch.ts';
import { bakery, run } from './support.ts';
import { makeTinyImage, type Tiny } from './tiny-image.ts';

/** The engine behind TLS and behind ssh: bakery finds it by the same rules as docker's client. */

const socket = '/var/run/docker.sock';
let folder: string;
let server: Server;
let port: number;
let tiny: Tiny;

/** @param line arguments without spaces. */
const openssl = async (line: string): Promise<void> => {
  const { code, stderr } = await run('openssl', line.split(' '), { cwd: folder });
  if (code !== 0) throw new Error(stderr);
};

/** A certificate authority of its own, and a certificate it signed, in `<name>/{ca,cert,key}.pem`. */
const makeCertificates = async (name: string): Promise<void> => {
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  const at = join(folder, name);
  await mkdir(at);
  await writeFile(`${at}/names`, 'subjectAltName=IP:127.0.0.1\n');
  await openssl(
    `req -x509 ${key} -subj /CN=${name}-ca -days 2 -keyout ${at}/ca-key.pem -out ${at}/ca.pem`,
  );
  await openssl(`req ${key} -subj /CN=${name} -keyout ${at}/key.pem -out ${at}/request.pem`);
  await openssl(
    `x509 -req -in ${at}/request.pem -CA ${at}/ca.pem -CAkey ${at}/ca-key.pem -days 2 -extfile ${at}/names -out ${at}/cert.pem`,
  );
};

const makeContext = async (name: string, more: readonly string[]): Promise<void> => {
  const docker = [`host=tcp://127.0.0.1:${port}`, ...more].join(',');
  const made = await run('docker', ['context', 'create', name, '--docker', docker], {
    env: { DOCKER_CONFIG: join(folder, 'config') },
  });
  expect(made.code, made.stderr).toBe(0);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bakery-endpoint-'));
  await makeCertificates('own');
  await makeCertificates('foreign');
  const [ca, cert, key] = await Promise.all(
    ['ca', 'cert', 'key'].map((file) => readFile(join(folder, 'own', `${file}.pem`))),
  );
  server = createServer({ ca, cert, key, requestCert: true }, (client) => {
    const engine = connect(socket);
    client.pipe(engine).pipe(client);
    client.on('error', () => engine.destroy());
    engine.on('error', () => client.destroy());
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  port = (server.address() as AddressInfo).port;
  const files = (authority: string, client: string): string[] => [
    `ca=${join(folder, authority, 'ca.pem')}`,
    `cert=${join(folder, client, 'cert.pem')}`,
    `key=${join(folder, client, 'key.pem')}`,
  ];
  await makeContext('own', files('own', 'own'));
  await makeContext('foreign-ca', files('foreign', 'own'));
  await makeContext('foreign-client', files('own', 'foreign'));
  await makeContext('unverified', [...files('foreign', 'own'), 'skip-tls-verify=true']);
  await makeContext('plain', []);
  // Docker's client starts `ssh -- host docker system dial-stdio`; this one stays on the machine.
  const ssh = `#!/bin/sh\necho "$*" >> ${folder}/ssh.log\nexec docker -H unix://${socket} system dial-stdio\n`;
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin', 'ssh'), ssh);
  await chmod(join(folder, 'bin', 'ssh'), 0o755);
  tiny = await makeTinyImage();
});
afterAll(async () => {
  await tiny.close();
  server.close();
  await rm(folder, { recursive: true });
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const Findings = z.array(
  z.object({
    what: z.string(),
    status: z.string(),
    found: z.string(),
    hint: z.string().optional(),
  }),
);

const contextEnv = (name: string): Record<string, string> => ({
  DOCKER_CONFIG: join(folder, 'config'),
  DOCKER_CONTEXT: name,
});
const sshEnv = (): Record<string, string> => ({
  PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
  DOCKER_HOST: 'ssh://me@far.example',
});

const doctor = async (env: Record<string, string>) => {
  const { stdout, stderr } = await bakery(['doctor', '--json'], { env });
  const findings = Findings.parse(JSON.parse(stdout || stderr));
  const finding = (what: string) => findings.find((one) => one.what === what);
  return { engine: finding('engine'), builder: finding('builder') };
};

describe('bakery doctor', () => {
  test('finds the engine and its builder behind a context with TLS', async () => {
    const { engine, builder } = await doctor(contextEnv('own'));
    expect(engine).toMatchObject({ status: 'ok' });
    expect(builder).toMatchObject({ status: 'ok', found: expect.stringContaining('own') });
  });

  test.each([
    ['foreign-ca', /certificate|self.signed/i],
    ['foreign-client', /socket|certificate|ECONNRESET|alert/i],
    ['plain', /ECONNRESET|socket hang up/],
  ])('is refused with the context %s, and names the address', async (name, reason) => {
    const { engine } = await doctor(contextEnv(name));
    expect(engine).toMatchObject({
      status: 'error',
      found: expect.stringContaining(`no Docker engine answers at tcp://127.0.0.1:${port}: `),
    });
    expect(engine?.found).toMatch(reason);
  });

  test('follows a context that skips the check of the certificate', async () => {
    expect((await doctor(contextEnv('unverified'))).engine).toMatchObject({ status: 'ok' });
  });

  test.each([
    ['own', 'ok'],
    ['foreign', 'error'],
  ])('with DOCKER_CERT_PATH of the %s authority: %s', async (name, status) => {
    const { engine } = await doctor({
      DOCKER_HOST: `tcp://127.0.0.1:${port}`,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: join(folder, name),
    });
    expect(engine).toMatchObject({ status });
  });

  test('reaches an engine over ssh, through docker’s client and the user’s ssh', async () => {
    expect((await doctor(sshEnv())).engine).toMatchObject({ status: 'ok' });
    expect(await readFile(join(folder, 'ssh.log'), 'utf8')).toMatch(/-l me .*far\.example/);
    const failing = await doctor({ ...sshEnv(), PATH: process.env['PATH'] ?? '' });
    expect(failing.engine).toMatchObject({
      status: 'error',
      found: expect.stringMatching(/no Docker engine answers at ssh:\/\/me@far\.example: /),
    });
  });
});

test.each([
  ['TLS', () => contextEnv('own')],
  ['ssh', sshEnv],
])('a container runs to its end over %s', async (_, env) => {
  for (const [name, value] of Object.entries(env())) vi.stubEnv(name, value);
  const engine = await openEngine();
  const ended = await runContainer(
    engine,
    create({
      image: tiny.image,
      platform: 'linux/amd64',
      policy: smokePolicy(2),
      command: ['/bin/sh', '-c', 'echo out; echo err >&2; exit 5'],
    }),
    { timeout: 60_000, signal: new AbortController().signal },
  );
  expect(ended).toEqual({
    end: 'exited',
    exitCode: 5,
    stdout: 'out\n',
    stderr: 'err\n',
    error: '',
  });
});

test.each<[string, () => Record<string, string>]>([
  ['nothing', () => ({})],
  ['DOCKER_HOST', () => ({ DOCKER_HOST: 'tcp://h:1' })],
  ['both', () => ({ DOCKER_HOST: 'tcp://h:1', ...contextEnv('own') })],
  ['a context', () => contextEnv('own')],
  ['another context', () => contextEnv('unverified')],
  ['the default context', () => contextEnv('default')],
  [
    'certificates',
    () => ({ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(folder, 'own'), DOCKER_CONTEXT: '' }),
  ],
  ['certificates, unverified', () => ({ DOCKER_TLS: '1', DOCKER_CERT_PATH: join(folder, 'own') })],
  [
    'certificates and a context',
    () => ({ DOCKER_TLS: '1', DOCKER_CERT_PATH: join(folder, 'own'), ...contextEnv('plain') }),
  ],
])('docker’s client and bakery agree on the engine with %s', async (_, env) => {
  for (const [name, value] of Object.entries(env())) vi.stubEnv(name, value);
  const { host, unverified } = engineEndpoint();
  const format = '{{.Endpoints.docker.Host}} {{.Endpoints.docker.SkipTLSVerify}}';
  const { stdout, stderr } = await run('docker', ['context', 'inspect', `--format=${format}`]);
  expect(`${host} ${unverified === true}\n`, stderr).toBe(stdout);
});
