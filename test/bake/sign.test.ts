import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Digest } from '../../kernel/reference.ts';
import { type Manifest, parseManifest } from '../../bakery/registry/manifest.rules.ts';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { isSigned, readPublicKey, signatureTag } from '../../bakery/publisher/signature.rules.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { aiRun } from '../e2e/tiny-image.ts';
import { bakery, docker, edit, nonce, type Ran, run } from '../e2e/support.ts';
import { isWrite, type Recorder, recordRequests } from './recorder.ts';
import { runUntil } from './killed.ts';
import { trialsOf } from './trials.ts';
import { makeTinyCatalogue, type TinyCatalogue } from './tiny-catalogue.ts';

/** One agent on two runtimes, published with signatures of a real cosign to a real registry, and started by ai-run. */

const agent = 'e2e-signed';
const native = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
const registry = openRegistry(new AbortController().signal);
const password = { COSIGN_PASSWORD: 'of this test' };
const hasCosign = spawnSync('cosign', ['version']).status === 0;

let catalogue: TinyCatalogue;
let recorder: Recorder;
let where = '';
let repository = '';
/** A user with a project, and a folder with docker and nothing else on PATH. */
let folder = '';
let home = '';
let project = '';
let withoutCosign = '';

const setVersion = (version: string): Promise<void> =>
  catalogue.setAgent(agent, version, { platforms: [native] });

beforeAll(async () => {
  if (!hasCosign) return;
  catalogue = await makeTinyCatalogue([agent]);
  await setVersion('1.0.0');
  recorder = await recordRequests('127.0.0.1:5000');
  where = `${recorder.address}/e2e-sign-${nonce()}`;
  repository = `${where}/ai-${agent}`;
  for (const name of ['cosign', 'other']) {
    const args = ['generate-key-pair', `--output-key-prefix=${name}`];
    const { code, stderr } = await run('cosign', args, { cwd: catalogue.root, env: password });
    if (code !== 0) throw new Error(stderr);
  }
  folder = await mkdtemp(join(tmpdir(), 'sign-e2e-'));
  home = join(folder, 'home');
  project = join(folder, 'projects', 'shop');
  withoutCosign = join(folder, 'bin');
  await mkdir(home);
  await mkdir(withoutCosign);
  await mkdir(project, { recursive: true });
  // Run as root, the agent is another user.
  for (const path of [folder, join(folder, 'projects')]) await chmod(path, 0o755);
  await chmod(project, 0o777);
  await writeFile(join(home, '.ai-workspaces'), `${join(folder, 'projects')}\n`, { mode: 0o600 });
  const { stdout } = await run('sh', ['-c', 'command -v docker']);
  await symlink(stdout.trim(), join(withoutCosign, 'docker'));
  for (const name of ['cosign', 'other'])
    await writeFile(join(home, `${name}.pub`), await key(name), { mode: 0o644 });
});
afterAll(async () => {
  if (!hasCosign) return;
  const digests = await Promise.all(
    (await registry.readTags(repository)).map((tag) =>
      registry.readManifest(`${repository}:${tag}`),
    ),
  );
  for (const digest of new Set(digests.flatMap((found) => found?.digest ?? [])))
    await registry.deleteManifest(`${repository}@${digest}`);
  const format = '{{.Repository}} {{.Tag}} {{.Digest}}';
  const { stdout } = await docker('image', 'ls', '--digests', '--format', format);
  const pulled = stdout.split('\n').flatMap((line) => {
    const [name, tag, digest] = line.split(' ');
    if (name !== repository) return [];
    return tag === '<none>' ? [`${name}@${digest}`] : [`${name}:${tag}`];
  });
  const left = [...pulled, ...(await trialsOf([agent]))];
  if (left.length > 0) await docker('image', 'rm', '--force', ...left);
  await recorder.close();
  await rm(folder, { recursive: true });
  await catalogue.close();
});

const key = (name: string): Promise<string> =>
  readFile(join(catalogue.root, `${name}.pub`), 'utf8');

const bake = (args: readonly string[], env: Record<string, string> = {}): Promise<Ran> => {
  const [verb = '', ...rest] = args;
  return bakery(['--root', catalogue.root, verb, '--registry', where, ...rest], {
    env: { ...password, ...env },
  });
};

const publish = async (
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<PublishReport> => {
  const { stdout, stderr } = await bake(['publish', '--json', '--quiet', ...args], env);
  expect(stdout, stderr).toMatch(/^\{/);
  return JSON.parse(stdout) as PublishReport;
};

/** The outcome of each image: `base promoted now`. */
const outcomes = ({ images }: PublishReport): string[] =>
  images.map(({ image, outcome, signed = '' }) =>
    `${image.replace(/^.*:/, '')} ${outcome} ${signed}`.trim(),
  );

const find = async (tag: string): Promise<Manifest> => {
  const found = await registry.readManifest(`${repository}:${tag}`);
  if (found === undefined) throw new Error(`${tag} is not there`);
  return found;
};
const tags = async (): Promise<Record<string, Digest>> => {
  const all = (await registry.readTags(repository)).filter(
    (tag) => !/^(stg|tested|sha256)-/.test(tag),
  );
  return Object.fromEntries(
    await Promise.all(all.map(async (tag) => [tag, (await find(tag)).digest] as const)),
  );
};
const signatureOf = (digest: Digest): Promise<Manifest | undefined> =>
  registry.readManifest(`${repository}:${signatureTag(digest)}`);
const layersOf = (found: Manifest | undefined): unknown[] =>
  (JSON.parse(Buffer.from(found?.body ?? []).toString()) as { layers: unknown[] }).layers;

/** Tags of these runtimes point to what this key has signed, now and whenever a run was killed. */
const expectSigned = async (by = 'cosign'): Promise<void> => {
  const publicKey = readPublicKey(await key(by));
  const found = await tags();
  for (const tag of ['base', 'latest', 'mini']) {
    const digest = found[tag] ?? 'sha256:';
    const known = isSigned(await signatureOf(digest), repository, digest, {
      with: 'key',
      key: '',
      publicKey,
    });
    expect([tag, known]).toEqual([tag, true]);
  }
};

/** Starts the agent as the user would, and without AI_IMAGE_VERIFY where no key is named. */
const start = (
  verify: string | undefined,
  { pull = 'always', env = {} }: { pull?: string; env?: Record<string, string> } = {},
): Promise<Ran> => {
  const environment = {
    HOME: home,
    AI_IMAGE_SOURCE: 'registry',
    AI_IMAGE_REGISTRY: where,
    ...(verify === undefined ? {} : { AI_IMAGE_VERIFY: verify }),
    ...env,
  };
  return aiRun({ env: environment, project }, [agent, '--pull', pull, '--network', 'none']);
};
const mine = '~/cosign.pub';

/** Every container that docker makes while something else happens. */
const created = async (work: () => Promise<unknown>): Promise<string[]> => {
  const events = spawn('docker', [
    'events',
    '--filter=event=create',
    '--format={{.Actor.Attributes.name}}',
  ]);
  let names = '';
  events.stdout.setEncoding('utf8').on('data', (text: string) => (names += text));
  await new Promise((ready) => setTimeout(ready, 500));
  await work();
  await new Promise((late) => setTimeout(late, 500));
  events.kill();
  return names.split('\n').filter((name) => name.includes(agent));
};

const killedAt = (line: RegExp): Promise<'killed' | 'ended'> =>
  runUntil(line, ['--root', catalogue.root, 'publish', '--registry', where], password);

const finding = ({ stdout }: Ran): unknown =>
  (JSON.parse(stdout) as { check: string }[]).find(({ check }) => check === 'signatures');

describe.skipIf(!hasCosign)('with cosign', () => {
  describe('a catalogue that was published without signatures', () => {
    test('runs where nobody asks for them', async () => {
      expect(outcomes(await publish())).toEqual(['base promoted', 'mini promoted']);
      const names = await created(async () => {
        const { code, stdout, stderr } = await start(undefined);
        expect([code, stdout], stderr).toEqual([0, '1.0.0\n']);
      });
      expect(names).toHaveLength(1);
    });

    test('does not run where somebody does, and no container is made', async () => {
      const names = await created(async () => {
        const { code, stdout, stderr } = await start(mine);
        expect([code, stdout]).toEqual([1, '']);
        expect(stderr).toMatch(
          /error\[E_UNSIGNED\]: .*@sha256:[0-9a-f]{64} is not signed, and AI_IMAGE_VERIFY is set/,
        );
        expect(stderr).toContain('hint: ');
      });
      expect(names).toEqual([]);
    });

    test('gets them without being built or tested again, once they are asked for', async () => {
      await edit(
        join(catalogue.root, 'bakery.yaml'),
        (text) => `${text}\nsign: { with: key, key: cosign.key, publicKey: cosign.pub }\n`,
      );
      const before = await tags();
      expect((await bake(['plan'])).stdout).toMatch(/^ai-e2e-signed:mini .* not signed$/m);
      recorder.forget();
      const { stdout } = await bake(['publish', '--dry-run']);
      expect(stdout).toContain(`write ${repository}:${signatureTag((await find('mini')).digest)}`);
      expect(stdout).toContain('2 tags would be written');
      expect(recorder.requests().filter(isWrite)).toEqual([]);
      const report = await publish();
      expect(outcomes(report)).toEqual(['base signed now', 'mini signed now']);
      expect([report.layers, report.tests]).toEqual([[], []]);
      expect(await tags()).toEqual(before);
      await expectSigned();
    });

    test('says so in the journal', async () => {
      const journals = join(catalogue.root, '.bakery', 'journal');
      const last = (await readdir(journals)).toSorted().at(-1) ?? '';
      const { moved, signed } = JSON.parse(await readFile(join(journals, last), 'utf8')) as {
        moved: unknown[];
        signed: { reference: string; verified: string | null }[];
      };
      const { base, mini } = await tags();
      expect(moved).toEqual([]);
      expect(signed.map(({ reference }) => reference).toSorted()).toEqual(
        [base, mini].map((digest) => `${repository}@${digest}`).toSorted(),
      );
      expect(signed.every(({ verified }) => verified !== null)).toBe(true);
    });

    test('is then known as signed from the registry alone: no cosign, no key, nothing written', async () => {
      recorder.forget();
      const report = await publish([], { PATH: '/nowhere' });
      expect(outcomes(report)).toEqual(['base up to date before', 'mini up to date before']);
      expect(recorder.requests().filter(isWrite)).toEqual([]);
      // It costs one request for each image.
      expect(recorder.requests().filter((line) => line.endsWith('.sig'))).toHaveLength(2);
    });
  });

  describe('what is signed', () => {
    test('runs; from then on neither cosign nor the registry is asked', async () => {
      const first = await start(mine);
      expect([first.code, first.stdout], first.stderr).toEqual([0, '1.0.0\n']);
      recorder.forget();
      const again = await start(mine, { pull: 'missing', env: { PATH: withoutCosign } });
      expect([again.code, again.stdout], again.stderr).toEqual([0, '1.0.0\n']);
      expect(recorder.requests()).toEqual([]);
    });

    test('does not run by another key, whatever was verified before', async () => {
      const names = await created(async () => {
        const { code, stderr } = await start('~/other.pub', { pull: 'missing' });
        expect(code).toBe(1);
        expect(stderr).toMatch(/has no valid signature by ~\/other\.pub: no matching signatures/);
      });
      expect(names).toEqual([]);
      expect((await start(mine, { pull: 'missing' })).code).toBe(0);
    });

    test('does not run without cosign, where it was not verified yet', async () => {
      await rm(join(home, '.ai-run', 'verified'), { recursive: true });
      const { code, stderr } = await start(mine, { env: { PATH: withoutCosign } });
      expect(code).toBe(1);
      expect(stderr).toContain('AI_IMAGE_VERIFY is set: program "cosign" not found on PATH');
      expect(stderr).toContain('hint: install cosign');
      expect((await start(mine)).code).toBe(0);
    });

    test('is shown by list, and doctor sees to the rest', async () => {
      const env = {
        HOME: home,
        AI_IMAGE_SOURCE: 'registry',
        AI_IMAGE_REGISTRY: where,
        AI_IMAGE_VERIFY: mine,
      };
      const { stdout } = await aiRun({ env, project }, ['list']);
      expect(stdout).toMatch(/^AGENT .* VERIFIED +IMAGE$/m);
      expect(stdout).toMatch(new RegExp(`^${agent} .* yes +${repository}:base$`, 'm'));
      const doctor = (more = {}): Promise<Ran> =>
        aiRun({ env: { ...env, ...more }, project }, ['doctor', '--json']);
      expect(finding(await doctor())).toMatchObject({ status: 'ok' });
      expect(finding(await doctor({ PATH: withoutCosign }))).toMatchObject({ status: 'failed' });
    });

    test('is said not to be checked where it is local', async () => {
      const local = { pull: 'never', env: { AI_IMAGE_SOURCE: 'local' } };
      expect((await docker('tag', `${repository}:base`, `ai-${agent}:base`)).code).toBe(0);
      const { code, stdout, stderr } = await start('~/other.pub', local);
      expect([code, stdout], stderr).toEqual([0, '1.0.0\n']);
      expect(stderr).toContain('this image is local and not verified');
      expect((await start(undefined, local)).stderr).not.toContain('verified');
    });

    test('is checked by no key that the agent could replace, nor one that others could', async () => {
      await symlink(join(home, 'cosign.pub'), join(project, 'mine.pub'));
      const inProject = await start(join(project, 'mine.pub'), { pull: 'missing' });
      expect([inProject.code, inProject.stderr]).toEqual([
        1,
        expect.stringContaining('is in a folder that the agent can change'),
      ]);
      await chmod(join(home, 'other.pub'), 0o666);
      const open = await start('~/other.pub', { pull: 'missing' });
      expect([open.code, open.stderr]).toEqual([
        1,
        expect.stringContaining('is writable by other users'),
      ]);
      const secret = await start(join(catalogue.root, 'cosign.key'), { pull: 'missing' });
      expect([secret.code, secret.stderr]).toEqual([
        1,
        expect.stringContaining('not a public key'),
      ]);
      await chmod(join(home, 'other.pub'), 0o644);
      await rm(join(project, 'mine.pub'));
    });
  });

  describe('a registry that was tampered with', () => {
    test('is refused: an index replaced under its tag', async () => {
      const good = await find('base');
      const evil = parseManifest(
        new Uint8Array(Buffer.from(Buffer.from(good.body).toString().replace('{', '{ '))),
      );
      expect(evil.digest).not.toBe(good.digest);
      await registry.writeManifest(`${repository}:base`, evil);
      // The signature is copied along; and it runs where nobody asks.
      const signature = await signatureOf(good.digest);
      if (signature === undefined) throw new Error('not signed');
      expect((await start(mine)).stderr).toMatch(/is not signed/);
      await registry.writeManifest(`${repository}:${signatureTag(evil.digest)}`, signature);
      const { code, stderr } = await start(mine);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/no valid signature .*digest/)]);
      expect((await start(undefined)).code).toBe(0);
      await registry.deleteManifest(`${repository}@${evil.digest}`);
    });

    test('is mended by publishing, which signs what it cannot know as signed', async () => {
      expect(outcomes(await publish())).toEqual(['base promoted before', 'mini up to date before']);
      expect((await start(mine)).code).toBe(0);
      // Somebody else's signature of the mini image replaces ours.
      const { mini = 'sha256:' } = await tags();
      const signature = await signatureOf((await find('base')).digest);
      if (signature === undefined) throw new Error('not signed');
      await registry.writeManifest(`${repository}:${signatureTag(mini)}`, signature);
      expect(outcomes(await publish())).toEqual(['base up to date before', 'mini signed now']);
      await expectSigned();
    });
  });

  describe('before anything is built', () => {
    test.each<[string, string[], Record<string, string>, RegExp]>([
      [
        'a missing cosign',
        [],
        { PATH: '' },
        /images are to be signed, but program "cosign" not found on PATH/,
      ],
      [
        'a wrong password',
        [],
        { COSIGN_PASSWORD: 'x' },
        /cosign\.key cannot be used: .*decryption failed/,
      ],
      ['a key of another pair', ['--sign', 'OTHER'], {}, /does not belong to the public key/],
      ['a variable that is not set', ['--sign', 'env://E2E_NO_KEY'], {}, /E2E_NO_KEY/],
      ['half a key', ['--public-key', 'none.pub'], {}, /sign\.publicKey: .*none\.pub/],
      [
        'a missing token',
        ['--sign', 'keyless'],
        { SIGSTORE_ID_TOKEN: '' },
        /a CI token is missing/,
      ],
    ])('%s is named', async (_, args, env, message) => {
      await setVersion('1.1.0');
      recorder.forget();
      const { code, stdout, stderr } = await bake(
        [
          'publish',
          ...args.map((word) => word.replace('OTHER', join(catalogue.root, 'other.key'))),
        ],
        env['PATH'] === '' ? { PATH: withoutCosign } : env,
      );
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(message);
      expect(stderr).toContain('hint: ');
      expect(recorder.requests().filter(isWrite)).toEqual([]);
    });
  });

  test('killed around a signature, no public tag points to something unsigned, and it goes on', async () => {
    const before = await tags();
    for (const step of [/sign e2e-signed:\S+ …/, /✔ sign/]) {
      expect(await killedAt(step), String(step)).toBe('killed');
      await expectSigned();
    }
    const staged = (await registry.readTags(repository)).filter((tag) => tag.startsWith('stg-'));
    const waiting = await Promise.all(
      staged.map(async (tag) => signatureOf((await find(tag)).digest)),
    );
    expect(waiting.filter((found) => found !== undefined).length).toBeGreaterThan(2);
    const report = await publish();
    expect(report.ok).toBe(true);
    expect(report.layers).toEqual([]);
    const after = await tags();
    expect(after['mini']).not.toBe(before['mini']);
    expect(after['1.1.0-mini']).toBe(after['mini']);
    await expectSigned();
    // Signed once, however often it was killed.
    for (const tag of ['base', 'mini'])
      expect(layersOf(await signatureOf((await find(tag)).digest)), tag).toHaveLength(1);
    expect((await start(mine)).stdout).toBe('1.1.0\n');
  });

  test('another key signs again, and takes nothing away from those who have the old one', async () => {
    const other = [
      '--sign',
      join(catalogue.root, 'other.key'),
      '--public-key',
      join(catalogue.root, 'other.pub'),
    ];
    expect(outcomes(await publish(other))).toEqual(['base signed now', 'mini signed now']);
    await expectSigned('other');
    await expectSigned('cosign');
    expect((await start('~/other.pub')).code).toBe(0);
    const unsigned = await publish(['--no-sign'], { PATH: '/nowhere' });
    expect(outcomes(unsigned)).toEqual(['base up to date', 'mini up to date']);
  });

  test('pruning takes the signatures of what goes, and no other', async () => {
    const old = (await find('1.0.0-mini')).digest;
    expect(await signatureOf(old)).toBeDefined();
    const { code, stderr } = await bake(['prune', '--keep-days', '0', '--keep', '1', '--yes']);
    expect(code, stderr).toBe(0);
    expect(await registry.readManifest(`${repository}@${old}`)).toBeUndefined();
    expect(await signatureOf(old)).toBeUndefined();
    await expectSigned();
    const left = (await registry.readTags(repository)).filter((tag) => tag.startsWith('sha256-'));
    const { base = 'sha256:', mini = 'sha256:' } = await tags();
    expect(left.toSorted()).toEqual([signatureTag(base), signatureTag(mini)].toSorted());
    expect(outcomes(await publish([], { PATH: '/nowhere' }))).toEqual([
      'base up to date before',
      'mini up to date before',
    ]);
  });
});
