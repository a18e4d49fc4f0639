import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { indexOf } from '../../bakery/composer/manifests.rules.ts';
import { digestOf, type Manifest, parseManifest } from '../../bakery/registry/manifest.rules.ts';
import { readPublicKey } from '../../bakery/publisher/signature.rules.ts';
import { openSigner } from '../../bakery/publisher/signer.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { type Registry, serveRegistry } from '../bake/registry.ts';
import { docker, nonce, run } from '../e2e/support.ts';
import { type FaultProxy, openFaultProxy } from './fault-proxy.ts';
import {
  atMost,
  type FaultKind,
  faultKinds,
  type Faults,
  noFaults,
  randomFaults,
} from './faults.ts';
import { isWrite, type RegistryRequest } from './request.ts';
import { password } from './tokens.ts';

/** The proxy fails as it says it does, for everybody who speaks to a registry; and what passes is the registry's own. */

let registry: Registry;
let proxy: FaultProxy;
let folder = '';
let manifest: Manifest;
const image = (): string => `${proxy.address}/acme/image`;

beforeAll(async () => {
  registry = await serveRegistry();
  proxy = await openFaultProxy(registry.host);
  folder = await mkdtemp(join(tmpdir(), 'proxy-e2e-'));
  // Something to push and pull: as many bytes as have a middle.
  const dockerfile = `FROM scratch\nCOPY <<EOF /file\n${nonce().repeat(2000)}\nEOF\n`;
  const { code, stderr } = await push('pushed', dockerfile);
  if (code !== 0) throw new Error(stderr);
  const found = await client().readManifest(`${image()}:pushed`);
  if (found === undefined) throw new Error('what was pushed is not there');
  manifest = found;
});
afterAll(async () => {
  await proxy.close();
  await registry.close();
  await rm(folder, { recursive: true });
});
afterEach(() => {
  proxy.inject(noFaults);
  vi.unstubAllEnvs();
});

const bytes = (said: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(said));
/** Of what was pushed: the same image, with a digest of its own. */
const variant = (): Manifest => {
  const pushed = JSON.parse(Buffer.from(manifest.body).toString()) as object;
  return parseManifest(bytes(JSON.stringify({ ...pushed, annotations: { nonce: nonce() } })));
};
/** Milliseconds. */
const settings = { patience: 2 };
const client = () => openRegistry(new AbortController().signal, settings);
const push = (tag: string, dockerfile: string) =>
  run(
    'docker',
    ['buildx', 'build', '--push', '--provenance=false', `--tag=${image()}:${tag}`, '-'],
    { input: dockerfile },
  );

/** This kind, for so many of the requests that can have it. */
const times = (kind: FaultKind, number: number): Faults =>
  atMost(number, randomFaults(1, 1, [kind]));
const isManifestWrite = (request: RegistryRequest): boolean =>
  isWrite(request) && request.about === 'manifest';
const injected = (): (FaultKind | undefined)[] =>
  proxy
    .log()
    .map(({ fault }) => fault)
    .filter((fault) => fault !== undefined);

const except = (...others: readonly FaultKind[]): FaultKind[] =>
  faultKinds.filter((kind) => !others.includes(kind));

describe('the bakery’s own client', () => {
  test.each(except('truncated upload'))('gets a manifest through: %s', async (kind) => {
    const tag = `${image()}:${kind.replaceAll(/\W+/g, '-')}`;
    const all = client();
    await all.readManifest(tag);
    proxy.forget();
    proxy.inject(times(kind, 1));
    const started = performance.now();
    await all.writeManifest(tag, manifest);
    // A registry that lags answers what was there before.
    await expect
      .poll(async () => (await all.readManifest(tag))?.digest, { timeout: 5000 })
      .toBe(manifest.digest);
    expect(injected()).toEqual([kind]);
    const isSlow = kind === 'slow' || kind === 'read-after-write lag';
    expect(performance.now() - started).toBeGreaterThan(isSlow ? 200 : 0);
  });

  test.each(except('read-after-write lag', 'what a manifest names is unknown'))(
    'gets a blob through: %s',
    async (kind) => {
      const all = client();
      const blob = bytes(`${kind} ${nonce().repeat(2000)}`);
      await all.readManifest(`${image()}:pushed`);
      proxy.forget();
      proxy.inject(times(kind, 1));
      await all.writeBlob(image(), blob);
      expect(await all.readBlob(image(), digestOf(blob))).toEqual(blob);
      expect(injected()).toEqual([kind]);
    },
  );

  test('waits until what an index names is there, and not for ever', async () => {
    const child = variant();
    const index = indexOf(new Map([['linux/amd64', child]]), {});
    await expect(client().writeManifest(`${image()}:early`, index)).rejects.toThrow(
      '400 Bad Request: MANIFEST_BLOB_UNKNOWN blob unknown to registry',
    );
    await Promise.all([
      client().writeManifest(`${image()}:early`, index),
      setTimeout(500).then(() => client().writeManifest(`${image()}@${child.digest}`, child)),
    ]);
    expect((await client().readManifest(`${image()}:early`))?.digest).toBe(index.digest);
  });

  test.each([
    ['503', /no token from 127\.0\.0\.1:\d+: 503 Service Unavailable/],
    ['reset after the registry has done it', /ECONNRESET|other side closed/],
    ['403 for a rate limit', 'DENIED You have exceeded a secondary rate limit'],
    ['expired token', '401 Unauthorized'],
    ['reset before the registry is asked', /ECONNRESET|other side closed/],
    ['no answer', 'no answer in 2 s'],
  ] as const)('gives up where it never ends, and says why: %s', async (kind, why) => {
    proxy.inject(randomFaults(1, 1, [kind]));
    await expect(client().writeManifest(`${image()}:never`, manifest)).rejects.toThrow(why);
  });

  test('publishes for longer than any token lives', async () => {
    const all = client();
    const before = proxy.tokens.issued();
    let nth = 0;
    const expired: Faults = ({ about }) => {
      nth += about === 'manifest' ? 1 : 0;
      return about === 'manifest' && nth % 3 === 0
        ? { kind: 'expired token', amount: 0 }
        : undefined;
    };
    proxy.inject(expired);
    for (let at = 0; at < 12; at += 1) {
      await all.writeManifest(`${image()}:long-${at}`, manifest);
      expect((await all.readManifest(`${image()}:long-${at}`))?.digest).toBe(manifest.digest);
    }
    expect(proxy.tokens.issued() - before).toBeGreaterThan(5);
  });

  test('asks for one token, however many requests wait for it', async () => {
    const all = client();
    const before = proxy.tokens.issued();
    await Promise.all(Array.from({ length: 20 }, () => all.readManifest(`${image()}:pushed`)));
    expect(proxy.tokens.issued() - before).toBe(1);
  });

  test.each([
    ['wrong', '401 Unauthorized'],
    [password, 'let in'],
  ])('with the password “%s” it is told: %s; and asks once', async (word, told) => {
    const auth = Buffer.from(`me:${word}`).toString('base64');
    const config = { auths: { [proxy.address]: { auth } } };
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    vi.stubEnv('DOCKER_CONFIG', folder);
    proxy.forget();
    const said = await client()
      .readManifest(`${image()}:pushed`)
      .then(() => 'let in', String);
    expect(said).toContain(told);
    expect(proxy.log().filter(({ about }) => about === 'token')).toHaveLength(1);
  });

  test('does not repeat what is refused', async () => {
    await client().readManifest(`${image()}:pushed`);
    const other = `${image()}@sha256:${'0'.repeat(64)}`;
    proxy.forget();
    expect(await client().readManifest(`${image()}:nothing`)).toBeUndefined();
    await expect(client().writeManifest(other, manifest)).rejects.toThrow(
      '400 Bad Request: DIGEST_INVALID',
    );
    const asked = proxy.log().filter(({ about, status }) => about === 'manifest' && status !== 401);
    expect(asked.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'GET 404',
      'PUT 400',
    ]);
  });
});

describe('docker', () => {
  test('pushes and pulls through it, with tokens', async () => {
    proxy.forget();
    const reference = `${image()}@${manifest.digest}`;
    const { code, stderr } = await docker('pull', '--quiet', reference);
    await docker('image', 'rm', '--force', reference);
    expect(code, stderr).toBe(0);
    expect(proxy.log().some(({ about }) => about === 'token')).toBe(true);
  });

  test('sees what breaks: a pull of which every answer is cut ends with an error', async () => {
    proxy.inject(randomFaults(1, 1, ['truncated answer', 'reset in the middle of an answer']));
    const { code } = await docker('pull', '--quiet', `${image()}@${manifest.digest}`);
    expect(code).not.toBe(0);
  });
});

const key = (): string => join(folder, 'cosign');
const hasCosign = spawnSync('cosign', ['version']).status === 0;

describe.skipIf(!hasCosign)('cosign (needs cosign)', () => {
  beforeAll(async () => {
    const env = { COSIGN_PASSWORD: '' };
    const made = await run('cosign', ['generate-key-pair', `--output-key-prefix=${key()}`], {
      env,
    });
    if (made.code !== 0) throw new Error(made.stderr);
  });
  test.each([
    'nothing',
    '429 with Retry-After',
    '503',
    'reset before the registry is asked',
    'what a manifest names is unknown',
  ] as const)('signs through it, and verifies: %s', async (kind) => {
    vi.stubEnv('COSIGN_PASSWORD', '');
    const other = variant();
    const reference = `${image()}@${other.digest}`;
    await client().writeManifest(reference, other);
    const verify = () =>
      run('cosign', [
        'verify',
        `--key=${key()}.pub`,
        '--insecure-ignore-tlog',
        '--allow-http-registry',
        reference,
      ]);
    expect((await verify()).code).not.toBe(0);
    const signing = {
      with: 'key',
      key: `${key()}.key`,
      publicKey: readPublicKey(await readFile(`${key()}.pub`, 'utf8')),
    } as const;
    const signer = await openSigner(signing, client(), new AbortController().signal);
    proxy.forget();
    const fails: Faults = (request) =>
      kind === 'nothing' || !isManifestWrite(request) ? undefined : { kind, amount: 0 };
    proxy.inject(atMost(1, fails));
    expect(await signer.sign(image(), other.digest, () => Promise.resolve())).toBe('now');
    expect(injected()).toEqual(kind === 'nothing' ? [] : [kind]);
    const verified = await verify();
    expect(verified.code, verified.stderr).toBe(0);
  });
});
