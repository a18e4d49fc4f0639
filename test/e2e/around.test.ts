import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { platformOfMachine } from '../../kernel/platform.ts';
import { recordingDocker } from './fake-docker.ts';
import { type FakeRegistry, openRegistry } from './fake-registry.ts';
import { docker, nonce, type Ran } from './support.ts';
import { aiRun, makeTinyImage, type Tiny } from './tiny-image.ts';

/** ai-run's reports about the engine and its images, made by the real engine. */

const own = platformOfMachine(process.arch) ?? 'linux/amd64';
const gone = { DOCKER_HOST: 'tcp://127.0.0.1:9' };

let tiny: Tiny;
let registry: FakeRegistry;
beforeAll(async () => {
  tiny = await makeTinyImage();
  registry = await openRegistry();
});
afterAll(async () => {
  await registry.close();
  await tiny.close();
});

const as = (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> =>
  aiRun({ ...tiny, env: { ...tiny.env, ...env } }, args);

type Listed = { readonly image: string; readonly newer?: string };
const listed = async (image: string): Promise<Listed | undefined> => {
  const { stdout } = await as({}, 'list', '--json');
  const { images } = JSON.parse(stdout) as { images: readonly Listed[] };
  return images.find((one) => one.image === image);
};

describe('list', () => {
  test('shows an image that is here, with what its contract says', async () => {
    const { code, stdout } = await as({}, 'list');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^${tiny.agent} +1\\.0\\.0 +base +${own} .* - +${tiny.image}$`, 'm'),
    );
  });

  test('says whether the registry has a newer one', async () => {
    const name = `e2e-${nonce()}/ai-otter`;
    const image = `${registry.host}/${name}:base`;
    const put = (version: string) =>
      registry.put(`${name}:base`, {
        [own]: {
          'ai-run.contract': JSON.stringify({
            schema: 1,
            agent: 'otter',
            version,
            command: ['/x'],
          }),
          'e2e.run': name,
        },
      });
    await put('1.0.0');
    expect((await docker('pull', '--quiet', image)).code).toBe(0);
    try {
      expect(await listed(image)).toMatchObject({ version: '1.0.0', newer: 'no' });
      await put('2.0.0');
      expect(await listed(image)).toMatchObject({ version: '1.0.0', newer: 'yes' });
    } finally {
      await docker('image', 'rm', '--force', image);
    }
  });

  test('names what has an alias and no image', async () => {
    await aiRun(tiny, ['setup', '--agents', 'nobody', '--shell', 'bash', '--no-pull', '--yes']);
    expect((await as({}, 'list')).stdout).toContain('nobody has an alias, but no image here');
    // Without the engine: it may have sessions of other tests.
    await as(gone, 'uninstall', '--yes');
    expect((await as({}, 'list')).stdout).not.toContain('nobody');
  });

  test('without an engine says so', async () => {
    const { code, stderr } = await as(gone, 'list');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('the Docker engine does not answer'),
    ]);
  });
});

type Found = { readonly check: string; readonly status: string; readonly found: string };
const findings = ({ stdout }: Ran): readonly Found[] => JSON.parse(stdout) as Found[];
const failures = (ran: Ran): readonly string[] =>
  findings(ran).flatMap(({ check, status }) => (status === 'failed' ? [check] : []));

describe('doctor', () => {
  test('looks at everything, and exits with 1 where something failed', async () => {
    const ran = await as({}, 'doctor', '--json');
    const checks = findings(ran).map(({ check }) => check);
    for (const check of [
      'engine',
      'known escapes',
      'agents',
      'confinement',
      'limits',
      'gVisor',
      'disk',
      'emulation',
      'registry',
      'files',
      'leftovers',
      'terminal',
    ])
      expect(checks).toContain(check);
    expect(ran.code).toBe(failures(ran).length === 0 ? 0 : 1);
  });

  test('names an engine that does not answer, and looks at the rest', async () => {
    const ran = await as(gone, 'doctor', '--json');
    expect(ran.code).toBe(1);
    expect(failures(ran)).toEqual(['engine']);
    expect(findings(ran).find(({ check }) => check === 'engine')?.found).toContain(
      gone.DOCKER_HOST,
    );
    expect(findings(ran).map(({ check }) => check)).toContain('files');
  });

  test('says that a registry cannot be reached; one that can is well', async () => {
    const env = { AI_IMAGE_SOURCE: 'registry', AI_IMAGE_REGISTRY: '127.0.0.1:9/none' };
    expect(failures(await as(env, 'doctor', '--json'))).toContain('registry');
    const there = { ...env, AI_IMAGE_REGISTRY: `${registry.host}/none` };
    expect(failures(await as(there, 'doctor', '--json'))).not.toContain('registry');
  });

  test('finds settings that others can read', async () => {
    const file = join(tiny.home, '.ai-env');
    await writeFile(file, 'A=1\n', { mode: 0o644 });
    expect(failures(await as({}, 'doctor', '--json'))).toContain('settings');
    await writeFile(file, '');
    await chmod(file, 0o600);
    expect(failures(await as({}, 'doctor', '--json'))).not.toContain('settings');
  });
});

test('an engine is asked once whose users its containers have', async () => {
  const { path, asked } = await recordingDocker(join(tiny.home, 'bin'));
  const start = () => as({ PATH: path }, tiny.agent, '--', '-c', 'true');
  const questions = async (): Promise<number> =>
    (await asked()).filter((line) => line.startsWith('info ')).length;
  const note = join(tiny.home, '.ai-run/engine');
  await mkdir(join(tiny.home, '.ai-run'), { recursive: true });
  await writeFile(note, 'another engine');
  expect((await start()).code).toBe(0);
  expect(await questions()).toBe(1);
  expect(await readFile(note, 'utf8')).toMatch(/^unix:\/\//);
  expect((await start()).code).toBe(0);
  expect(await questions()).toBe(1);
});
