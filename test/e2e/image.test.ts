import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { launch } from '../../kernel/launch.ts';
import { type Platform, platformOfMachine } from '../../kernel/platform.ts';
import { harden } from '../../kernel/policy.ts';
import { findImage, type Wanted } from '../../ai-run/image/image.ts';
import { type FakeRegistry, openRegistry } from './fake-registry.ts';
import { docker, nonce } from './support.ts';

const own: Platform = platformOfMachine(process.arch) ?? 'linux/amd64';
const other: Platform = own === 'linux/amd64' ? 'linux/arm64' : 'linux/amd64';

const word = nonce();
const local = `ai-e2e-${word}`;
let registry: FakeRegistry;
let offline: FakeRegistry;
/** The folder that remembers validated images. */
const userHome = mkdtempSync(join(tmpdir(), 'ai-run-image-'));
let count = 0;

const contract = (version: string): string =>
  JSON.stringify({ schema: 1, agent: 'otter', version, command: ['/bin/otter'] });

/** The labels of an agent's image; its version says later which one was found. */
const otter = (version: string): Record<string, string> => ({
  'ai-run.contract': contract(version),
});

/** A repository that no other test uses. */
const fresh = (): string => `e2e-${word}/ai-otter-${(count += 1)}`;

const want = (repository: string, changes: Partial<Wanted> = {}): Wanted => ({
  reference: `${registry.host}/${repository}:base`,
  source: 'registry',
  pull: 'missing',
  platform: own,
  env: process.env,
  userHome,
  agreed: Promise.resolve(),
  ...changes,
});

const wantLocal = (changes: Partial<Wanted> = {}): Wanted =>
  want('', { reference: `${local}:base`, source: 'local', ...changes });

/** Everything that is put somewhere bears this, so that it is found again when its name is gone. */
const mark = { 'e2e.run': word };

const put = (
  repository: string,
  platforms: Readonly<Record<string, Record<string, string>>>,
  to = registry,
): Promise<string> =>
  to.put(
    `${repository}:base`,
    Object.fromEntries(
      Object.entries(platforms).map(([platform, labels]) => [platform, { ...labels, ...mark }]),
    ),
  );

const failure = (code: string, message: RegExp, hint: RegExp): unknown =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(message) as string,
    hint: expect.stringMatching(hint) as string,
  });

/** The contract in the container that docker makes of a reference, with the flags that ai-run starts it with. */
const started = async (image: string, platform: Platform = own): Promise<string> => {
  const { args } = launch({
    image,
    platform,
    policy: harden({ user: { uid: 1000, gid: 1000 }, network: { mode: 'none' } }),
    command: ['/bin/otter'],
  });
  const created = await docker(...args.with(0, 'create'));
  if (created.code !== 0) return created.stderr;
  const id = created.stdout.trim();
  const { stdout } = await docker(
    'inspect',
    '--format={{index .Config.Labels "ai-run.contract"}}',
    id,
  );
  await docker('rm', '--force', id);
  return stdout.trim();
};

beforeAll(async () => {
  registry = await openRegistry();
  offline = await openRegistry();
});
afterEach(() => {
  registry.answer(200);
  vi.unstubAllEnvs();
});
afterAll(async () => {
  rmSync(userHome, { recursive: true });
  await Promise.all([registry.close(), offline.close()]);
  const { stdout } = await docker(
    'image',
    'ls',
    '--all',
    '--quiet',
    '--no-trunc',
    `--filter=label=e2e.run=${word}`,
  );
  const ids = new Set(stdout.split('\n').filter((id) => id !== ''));
  if (ids.size > 0) await docker('image', 'rm', '--force', ...ids);
});

describe('an image of a registry', () => {
  test('is pulled where it is missing, and fixed by digest', async () => {
    const repository = fresh();
    const digest = await put(repository, { [own]: otter('1'), [other]: otter('2') });
    const found = await findImage(want(repository));
    // The engine's identity of an image is the registry's where it keeps images as they came.
    expect(found).toMatchObject({
      reference: digest,
      name: `${registry.host}/${repository}:base`,
      contract: { agent: 'otter', version: '1' },
    });
    expect(await started(found.reference)).toBe(contract('1'));
  });

  test('is not asked for again, and costs one question to the engine', async () => {
    const repository = fresh();
    await put(repository, { [own]: otter('1'), [other]: otter('2') });
    const first = await findImage(want(repository));
    const folder = await mkdtemp(join(tmpdir(), 'e2e-docker-'));
    const log = join(folder, 'log');
    const path = process.env['PATH'] ?? '';
    await writeFile(
      join(folder, 'docker'),
      `#!/bin/sh\necho "$1 $2" >>'${log}'\nPATH='${path}' exec docker "$@"\n`,
      { mode: 0o755 },
    );
    vi.stubEnv('PATH', `${folder}${delimiter}${path}`);
    const before = registry.asked();
    expect(await findImage(want(repository))).toEqual(first);
    expect(existsSync(log)).toBe(false);
    // If the engine has no socket on this machine, docker's client is asked.
    const env = { DOCKER_HOST: 'tcp://192.0.2.1:2376' };
    expect(await findImage(want(repository, { env }))).toEqual(first);
    expect(await readFile(log, 'utf8')).toBe('image inspect\n');
    expect(registry.asked()).toBe(before);
    await rm(folder, { recursive: true });
  });

  test('is pulled each time where that is asked for, and not otherwise', async () => {
    const repository = fresh();
    await put(repository, { [own]: otter('1') });
    await findImage(want(repository));
    const newer = await put(repository, { [own]: otter('2') });
    expect((await findImage(want(repository))).contract.version).toBe('1');
    expect((await findImage(want(repository, { pull: 'never' }))).contract.version).toBe('1');
    expect(await findImage(want(repository, { pull: 'always' }))).toMatchObject({
      reference: newer,
      contract: { version: '2' },
    });
  });

  test('is the one that was found, whatever its tag has become', async () => {
    const repository = fresh();
    await put(repository, { [own]: otter('1'), [other]: otter('1') });
    const found = await findImage(want(repository));
    await put(repository, { [own]: otter('2'), [other]: otter('2') });
    expect((await docker('pull', '--quiet', found.name)).code).toBe(0);
    expect(await started(found.reference)).toBe(contract('1'));
    // The name alone would not have been enough.
    expect(await started(found.name)).toBe(contract('2'));
  });

  test.each([
    ['of several', () => ({ [own]: otter('1'), [other]: otter('2') })],
    ['of one', () => ({ [other]: otter('2') })],
  ])('is found for another platform %s', async (_, platforms) => {
    const repository = fresh();
    await put(repository, platforms());
    const found = await findImage(want(repository, { platform: other }));
    expect(found.contract.version).toBe('2');
    expect(await started(found.reference, other)).toBe(contract('2'));
    // And again, now that it is here.
    const asked = registry.asked();
    expect(await findImage(want(repository, { platform: other }))).toEqual(found);
    expect(registry.asked()).toBe(asked);
  });

  test.each([
    [own, other],
    [other, own],
  ])('is pulled for the second of two platforms: %s and %s', async (first, second) => {
    const repository = fresh();
    await put(repository, { [own]: otter(own), [other]: otter(other) });
    for (const platform of [first, second, first]) {
      const found = await findImage(want(repository, { platform }));
      expect(found.contract.version).toBe(platform);
      expect(await started(found.reference, platform)).toBe(contract(platform));
    }
  });

  test.each([
    ['missing', 'of one', [own]],
    ['always', 'of one', [own]],
    ['missing', 'of several', [own, 'linux/s390x']],
    ['always', 'of several', [own, 'linux/s390x']],
  ] as const)(
    'that is not made for the platform is told so, with --pull %s, %s',
    async (...row) => {
      const [pull, , platforms] = row;
      const repository = fresh();
      await put(repository, Object.fromEntries(platforms.map((each) => [each, otter('1')])));
      await expect(findImage(want(repository, { pull, platform: other }))).rejects.toThrow(
        failure(
          'E_NO_PLATFORM',
          new RegExp(`^\\S+ does not exist for ${other}$`),
          /AI_RUN_PLATFORM/,
        ),
      );
      expect((await findImage(want(repository))).contract.version).toBe('1');
    },
  );

  test('that does not exist is told so', async () => {
    await expect(findImage(want(fresh()))).rejects.toThrow(
      failure('E_NO_IMAGE', /^the registry has no \S+$/, /agent and the runtime/),
    );
  });

  test('that may not be pulled is told so, and without a question', async () => {
    const repository = fresh();
    await put(repository, { [own]: otter('1') });
    const asked = registry.asked();
    await expect(findImage(want(repository, { pull: 'never' }))).rejects.toThrow(
      failure('E_NO_IMAGE', /^the engine has no image \S+$/, /--pull never/),
    );
    expect(registry.asked()).toBe(asked);
    await findImage(want(repository));
    await expect(findImage(want(repository, { pull: 'never', platform: other }))).rejects.toThrow(
      failure('E_NO_PLATFORM', /^the engine has \S+, but not for/, /--pull never/),
    );
  });

  test.each([
    [401, /^the registry refuses \S+: /, /docker login 127\.0\.0\.1:\d+/],
    [403, /^the registry refuses \S+: /, /docker login 127\.0\.0\.1:\d+/],
    [500, /^\S+ cannot be pulled: .*500/, /network/],
  ])('that the registry answers with %d is told so', async (status, message, hint) => {
    const repository = fresh();
    await put(repository, { [own]: otter('1') });
    registry.answer(status);
    await expect(findImage(want(repository))).rejects.toThrow(failure('E_REGISTRY', message, hint));
    registry.answer(200);
    expect((await findImage(want(repository))).contract.version).toBe('1');
  });
});

describe('without its registry, an image', () => {
  let here: string;
  beforeAll(async () => {
    const repository = fresh();
    here = `${offline.host}/${repository}:base`;
    await put(repository, { [own]: otter('1'), [other]: otter('1') }, offline);
    await findImage(want(repository, { reference: here }));
    await offline.close();
  });

  test.each(['missing', 'never'] as const)('that is here is found with --pull %s', async (pull) => {
    const found = await findImage(want('', { reference: here, pull }));
    expect(found.contract.version).toBe('1');
    expect(await started(found.reference)).toBe(contract('1'));
  });

  test('that is here is not taken for a new one with --pull always', async () => {
    await expect(findImage(want('', { reference: here, pull: 'always' }))).rejects.toThrow(
      failure('E_REGISTRY', /cannot be pulled: .*connection refused$/, /^--pull missing runs/),
    );
  });

  test.each(['missing', 'always'] as const)(
    'that is not here is not had with --pull %s',
    async (pull) => {
      const reference = `${offline.host}/${fresh()}:base`;
      await expect(findImage(want('', { reference, pull }))).rejects.toThrow(
        failure('E_REGISTRY', /cannot be pulled: .*connection refused$/, /AI_IMAGE_REGISTRY/),
      );
    },
  );
});

describe('a local image', () => {
  beforeAll(async () => {
    const repository = fresh();
    await put(repository, { [own]: otter('1') });
    const { name } = await findImage(want(repository));
    await docker('tag', name, `${local}:base`);
  });

  test('is fixed by its identity, and stays the one that was found', async () => {
    const found = await findImage(wantLocal());
    expect(found.reference).toMatch(/^sha256:[0-9a-f]{64}$/);
    const repository = fresh();
    await put(repository, { [own]: otter('2') });
    const newer = await findImage(want(repository));
    await docker('tag', newer.name, `${local}:base`);
    expect(await started(found.reference)).toBe(contract('1'));
    expect(await started(found.name)).toBe(contract('2'));
  });

  test.each(['always', 'missing', 'never'] as const)(
    'that is missing is not looked for in a registry, even with --pull %s',
    async (pull) => {
      const repository = fresh();
      const reference = `${registry.host}/${repository}:base`;
      await put(repository, { [own]: otter('1') });
      const asked = registry.asked();
      await expect(findImage(wantLocal({ reference, pull }))).rejects.toThrow(
        failure('E_NO_IMAGE', /^the engine has no image \S+$/, /bakery build/),
      );
      expect(registry.asked()).toBe(asked);
    },
  );

  test('that is here for another platform only is told so', async () => {
    await expect(findImage(wantLocal({ platform: other }))).rejects.toThrow(
      failure(
        'E_NO_PLATFORM',
        /^the engine has \S+, but not for/,
        new RegExp(`--platform ${other}`),
      ),
    );
  });
});

describe('the contract of an image', () => {
  test.each<[string, Record<string, string>, string, RegExp]>([
    ['is missing', {}, 'E_NO_CONTRACT', /has no label ai-run\.contract$/],
    [
      'is garbage',
      { 'ai-run.contract': 'garbage' },
      'E_CONTRACT',
      /invalid contract: it is not JSON$/,
    ],
    [
      'asks for a path of the host',
      { 'ai-run.contract': contract('1').replace('{', '{"state":["/etc"],') },
      'E_CONTRACT',
      /invalid contract: state\.0: expected a path below the home/,
    ],
    [
      'asks for what decides where docker goes',
      { 'ai-run.contract': contract('1').replace('{', '{"credentials":[{"env":"DOCKER_HOST"}],') },
      'E_CONTRACT',
      /invalid contract: credentials\.0\.env: DOCKER_HOST cannot be a credential: docker reads it$/,
    ],
    [
      'asks for capabilities, and repaints the terminal',
      { 'ai-run.contract': contract('1').replace('{', String.raw`{"cap\u001b[2J":["ALL"],`) },
      'E_CONTRACT',
      /invalid contract: Unrecognized key: "cap"$/,
    ],
  ])('refuses the image where it %s', async (_, labels, code, message) => {
    const repository = fresh();
    await put(repository, { [own]: labels });
    await expect(findImage(want(repository))).rejects.toThrow(failure(code, message, /image/));
  });
});

describe('an engine that does not answer', () => {
  test.each<[string, string, string]>([
    ['DOCKER_HOST', 'unix:///run/there-is-none.sock', '/run/there-is-none.sock'],
    ['DOCKER_HOST', 'tcp://127.0.0.1:1', '127.0.0.1:1'],
    ['DOCKER_CONTEXT', 'there-is-none', 'there-is-none'],
  ])('is told so, for %s=%s', async (name, value, shown) => {
    vi.stubEnv(name, value);
    for (const wanted of [
      want('x', { source: 'local' }),
      want('x', { pull: 'missing' }),
      want('x', { pull: 'always' }),
    ]) {
      await expect(findImage(wanted)).rejects.toThrow(
        failure('E_NO_ENGINE', /^the Docker engine does not answer: /, /start Docker/),
      );
      await expect(findImage(wanted)).rejects.toThrow(shown);
    }
  });

  test.each(['', 'no JSON', '{}'])(
    'is not guessed at where docker says %j of an image',
    async (answer) => {
      const folder = await mkdtemp(join(tmpdir(), 'ai-run-docker-'));
      await writeFile(join(folder, 'docker'), `#!/bin/sh\nprintf '%s' '${answer}'\n`, {
        mode: 0o755,
      });
      vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
      await expect(findImage(want('x', { source: 'local' }))).rejects.toThrow(
        failure(
          'E_ANSWER',
          /^unexpected answer from docker image inspect: it(?: is empty| is not JSON|s fields are unknown)$/,
          /docker version/,
        ),
      );
      await rm(folder, { recursive: true });
    },
  );
});
