import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseManifest } from '../../../bakery/registry/manifest.rules.ts';
import { RegistryError } from '../../../bakery/registry/registry-error.rules.ts';
import { openRegistry, type Registry } from '../../../bakery/registry/registry.ts';
import type { Refusal, RegistryOptions } from '../../support/registry-answer.ts';
import {
  type RegistryRequest,
  serveTestRegistry,
  type TestRegistry,
} from '../../support/registry.ts';

/** The client against a registry that does what the distribution spec says, and fails when told to. */

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));
const hashOf = (body: Uint8Array) =>
  `sha256:${createHash('sha256').update(body).digest('hex')}` as const;
const zeros = `sha256:${'0'.repeat(64)}` as const;

const blob = bytes('{"a":1}');
const name = hashOf(blob);
const manifest = parseManifest(bytes('{"manifests":[]}'));
const digest = manifest.digest;

let server: TestRegistry;
let registry: Registry;
const puts = (of: TestRegistry): RegistryRequest[] =>
  of.requests.filter(({ method }) => method === 'PUT');
const repository = (): string => `${server.host}/acme/image`;
const serve = async (options: RegistryOptions = {}): Promise<void> => {
  server = await serveTestRegistry(options);
  registry = openRegistry(new AbortController().signal);
};
const write = (): Promise<void> => registry.writeManifest(`${repository()}:tag`, manifest);
const remove = (): Promise<void> => registry.deleteManifest(`${repository()}@${digest}`);
const failed = async (work: Promise<unknown>): Promise<RegistryError> => {
  const error: unknown = await work.catch((caught: unknown) => caught);
  if (!(error instanceof RegistryError)) throw new Error(`not a RegistryError: ${String(error)}`);
  return error;
};
const lines = (): string[] => server.requests.map(({ method, url }) => `${method} ${url}`);
/** Fails the first so many of the requests with this method. */
const fail = (times: number, method: string, refusal: Refusal | 'reset'): void => {
  let left = times;
  server.inject((request) => {
    if (request.method !== method || left === 0) return undefined;
    left -= 1;
    return refusal;
  });
};

beforeEach(async () => {
  vi.stubEnv('DOCKER_CONFIG', '/nowhere');
  await serve();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

describe('a manifest is written', () => {
  test('as the very bytes, under the tag, with its type', async () => {
    await write();
    expect(server.store.tags.get('acme/image:tag')).toBe(digest);
    const stored = server.store.manifests.get(`acme/image@${digest}`);
    expect([stored?.bytes.toString(), stored?.mediaType]).toEqual([
      '{"manifests":[]}',
      manifest.mediaType,
    ]);
    expect(lines()).toEqual(['PUT /v2/acme/image/manifests/tag']);
    expect(await registry.readManifest(`${repository()}:tag`)).toEqual(manifest);
  });

  test('again after a busy registry, and after a connection that broke', async () => {
    let nth = 0;
    server.inject(() => {
      nth += 1;
      if (nth === 1) return { status: 429, headers: { 'retry-after': '0' } };
      return nth === 2 ? 'reset' : undefined;
    });
    await write();
    expect(server.requests).toHaveLength(3);
  });

  test('with a token of its own: one for reading is not enough', async () => {
    await server.close();
    await serve({ auth: { scheme: 'bearer' } });
    for (let at = 0; at < 2; at += 1) {
      await registry.readManifest(`${repository()}:tag`);
      await write();
    }
    expect(lines().filter((line) => line.includes('/token'))).toHaveLength(2);
  });

  test('once the registry knows what it names', async () => {
    const error = ['MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry'] as const;
    fail(2, 'PUT', { status: 400, error });
    await write();
    expect(lines()).toHaveLength(3);
  });

  test('not again after a refusal, whose words are shown', async () => {
    const error = ['MANIFEST_INVALID', 'manifest \u001b[31minvalid, blob unknown'] as const;
    fail(1, 'PUT', { status: 400, error });
    await expect(write()).rejects.toMatchObject({
      code: 'E_REGISTRY',
      message: `${repository()}:tag: 400 Bad Request: MANIFEST_INVALID manifest invalid, blob unknown`,
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe('an error', () => {
  test('has the status, the codes, the method and the address without its query', async () => {
    fail(1, 'POST', { status: 403, error: ['DENIED', 'not yours'] });
    const error = await failed(
      registry.mountBlob(repository(), name, `${server.host}/acme/layers`),
    );
    expect(error).toMatchObject({
      status: 403,
      codes: ['DENIED'],
      faults: [{ code: 'DENIED', message: 'not yours' }],
      method: 'POST',
      address: `http://${repository().replace('/', '/v2/')}/blobs/uploads/`,
      network: undefined,
    });
  });

  test('without an answer has the code of the connection', async () => {
    await server.close();
    const error = await failed(registry.readTags(repository()));
    expect(error).toMatchObject({ status: undefined, codes: [], network: 'ECONNREFUSED' });
    await serve();
  });

  test('of an answer that is not a manifest has neither', async () => {
    server.store.manifests.set(`acme/image@${zeros}`, { mediaType: '', bytes: Buffer.from('no') });
    server.store.tags.set('acme/image:tag', zeros);
    const error = await failed(registry.readManifest(`${repository()}:tag`));
    expect(error).toMatchObject({ status: undefined, network: undefined, method: 'GET' });
    expect(error.message).toContain('JSON');
  });
});

describe('a manifest is deleted', () => {
  test('by digest, with its tags; one that is gone is not an error', async () => {
    server.store.putManifest('acme/image', Buffer.from(manifest.body), 'tag');
    await remove();
    expect(server.store.tags.size).toBe(0);
    await remove();
    const line = `DELETE /v2/acme/image/manifests/${digest}`;
    expect(lines()).toEqual([line, line]);
  });

  test.each([405, 501])('never where the answer is %i, and that is an error', async (status) => {
    fail(1, 'DELETE', { status });
    await expect(remove()).rejects.toMatchObject({
      code: 'E_NO_DELETE',
      message: `${server.host} does not delete manifests`,
      hint: expect.stringContaining('storage.delete.enabled') as string,
    });
  });
});

describe('a blob', () => {
  test('is read, and is the requested one', async () => {
    server.store.putBlob('acme/image', Buffer.from(blob));
    server.store.blobs.set(`acme/image@${zeros}`, Buffer.from(blob));
    expect(await registry.readBlob(repository(), name)).toEqual(blob);
    expect(lines()).toEqual([`GET /v2/acme/image/blobs/${name}`]);
    await expect(registry.readBlob(repository(), zeros)).rejects.toThrow(
      `the registry sent another ${zeros}`,
    );
  });

  test('is uploaded if the registry does not have it', async () => {
    await registry.writeBlob(repository(), blob);
    expect(server.store.blobs.get(`acme/image@${name}`)?.toString()).toBe('{"a":1}');
    expect(lines()).toEqual([
      `HEAD /v2/acme/image/blobs/${name}`,
      'POST /v2/acme/image/blobs/uploads/',
      expect.stringMatching(
        new RegExp(
          `^PUT /v2/acme/image/blobs/uploads/[^/?]+\\?state=x&digest=${encodeURIComponent(name)}$`,
        ),
      ),
    ]);
    server.forget();
    await registry.writeBlob(repository(), blob);
    expect(lines()).toEqual([`HEAD /v2/acme/image/blobs/${name}`]);
  });

  test.each(['DIGEST_INVALID', 'SIZE_INVALID', 'BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID'])(
    'is uploaded from the beginning again after %s',
    async (code) => {
      fail(1, 'PUT', { status: 400, error: [code, 'of your own'] });
      await registry.writeBlob(repository(), blob);
      const uploads = lines().filter((line) => line.startsWith('PUT'));
      expect(uploads).toHaveLength(2);
      expect(new Set(uploads).size).toBe(2);
      expect(lines().filter((line) => line.startsWith('POST'))).toHaveLength(2);
    },
  );

  test('is not uploaded again after a refusal', async () => {
    fail(1, 'PUT', { status: 403, error: ['DENIED', 'digest did not match'] });
    await expect(registry.writeBlob(repository(), blob)).rejects.toThrow('403 Forbidden: DENIED');
    expect(lines().filter((line) => line.startsWith('PUT'))).toHaveLength(1);
  });

  test.each([
    [true, true],
    [false, false],
  ])('is mounted if the registry mounts: %s', async (mounts, mounted) => {
    await server.close();
    await serve({ mounts });
    server.store.putBlob('acme/layers', Buffer.from(blob));
    const from = `${server.host}/acme/layers`;
    expect(await registry.mountBlob(repository(), name, from)).toBe(mounted);
    expect(server.store.blobs.has(`acme/image@${name}`)).toBe(mounted);
    expect(lines()[1]).toBe(
      `POST /v2/acme/image/blobs/uploads/?mount=${encodeURIComponent(name)}&from=acme%2Flayers`,
    );
  });

  test('that is there is not mounted', async () => {
    server.store.putBlob('acme/image', Buffer.from(blob));
    expect(await registry.mountBlob(repository(), name, `${server.host}/acme/layers`)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  test('is mounted with a token for both repositories, each in a scope of its own', async () => {
    await server.close();
    await serve({ auth: { scheme: 'bearer' } });
    server.store.putBlob('acme/layers', Buffer.from(blob));
    expect(await registry.mountBlob(repository(), name, `${server.host}/acme/layers`)).toBe(true);
    const asked = server.requests.findLast(({ url }) => url.startsWith('/token'));
    const url = new URL(asked?.url ?? '', 'http://registry');
    expect(url.searchParams.getAll('scope')).toEqual([
      'repository:acme/image:pull,push',
      'repository:acme/layers:pull',
    ]);
  });
});

describe('an upload to another origin', () => {
  const auth = { scheme: 'bearer' } as const;

  /** A registry whose uploads go elsewhere, such as an object store. */
  const serveBoth = async (elsewhere: RegistryOptions = {}): Promise<TestRegistry> => {
    await server.close();
    let origin = '';
    await serve({ auth, uploads: () => origin });
    const other = await serveTestRegistry(elsewhere, server.store);
    origin = `http://${other.host}`;
    return other;
  };

  test('goes there without credentials', async () => {
    await using other = await serveBoth();
    await registry.writeBlob(repository(), blob);
    expect(server.store.blobs.get(`acme/image@${name}`)?.toString()).toBe('{"a":1}');
    expect(puts(server)).toEqual([]);
    expect(puts(other).map(({ authorization }) => authorization)).toEqual([undefined]);
    // Its own requests have them.
    await registry.writeManifest(`${repository()}:tag`, manifest);
    expect(puts(server).at(-1)?.authorization).toMatch(/^Bearer t/);
  });

  test('gets none for a challenge from there either', async () => {
    await using other = await serveBoth({ auth });
    await expect(registry.writeBlob(repository(), blob)).rejects.toMatchObject({ status: 401 });
    expect(other.requests.map(({ method, authorization }) => [method, authorization])).toEqual([
      ['PUT', undefined],
    ]);
  });
});

describe('tags are listed', () => {
  test('over all pages', async () => {
    await server.close();
    await serve({ pageSize: 2 });
    for (const tag of ['a', 'b', 'c']) server.store.putManifest('acme/image', { tag }, tag);
    expect(await registry.readTags(repository())).toEqual(['a', 'b', 'c']);
    expect(server.requests).toHaveLength(2);
  });

  test('as none if the repository does not exist', async () => {
    expect(await registry.readTags(repository())).toEqual([]);
  });
});
