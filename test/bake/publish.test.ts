import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../bakery/registry/manifest.rules.ts';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { emulation } from '../support/emulation.ts';
import { isWrite, type Recorder, recordRequests, uploads } from './recorder.ts';
import { bakery, docker, nonce, type Ran } from '../e2e/support.ts';
import { runUntil } from './killed.ts';
import { trialsOf } from './trials.ts';
import { makeTinyCatalogue, type TinyCatalogue } from './tiny-catalogue.ts';

/** Two agents on two runtimes for two platforms, published to a registry that notes every request. */

const word = nonce();
const agents = [`e2e-${word}-one`, `e2e-${word}-two`];
const [one = '', two = ''] = agents;
const both = ['linux/amd64', 'linux/arm64'];
const registry = openRegistry(new AbortController().signal);

let catalogue: TinyCatalogue;
let recorder: Recorder;
let where = '';

beforeAll(async () => {
  await emulation.on();
  catalogue = await makeTinyCatalogue(agents);
  recorder = await recordRequests('127.0.0.1:5000');
  where = `${recorder.address}/e2e-publish-${word}`;
});
afterAll(async () => {
  for (const tag of await registry.readTags(`${where}/ai-layers`)) {
    const found = await registry.readManifest(`${where}/ai-layers:${tag}`);
    if (found !== undefined) await registry.deleteManifest(`${where}/ai-layers@${found.digest}`);
  }
  for (const agent of agents) {
    for (const digest of new Set(Object.values(await tagsOf(agent, () => true))))
      await registry.deleteManifest(`${where}/ai-${agent}@${digest}`);
  }
  // Removed by one name, an image may still show under another for a moment.
  for (let tries = 0; tries < 3; tries += 1) {
    const left = await trials();
    if (left.length > 0) await docker('image', 'rm', '--force', ...left);
  }
  await recorder.close();
  await catalogue.close();
});

const run = (verb: string, args: readonly string[], env: Record<string, string> = {}) =>
  bakery(['--root', catalogue.root, verb, '--registry', where, ...args], { env });

const publish = async (
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Ran & { readonly report: PublishReport }> => {
  const ran = await run('publish', ['--json', '--quiet', ...args], env);
  expect(ran.stdout, ran.stderr).toMatch(/^\{/);
  return { ...ran, report: JSON.parse(ran.stdout) as PublishReport };
};

/** Names under which the engine has what is being tested, or was when its run was killed. */
const trials = async (): Promise<string[]> => {
  const format = '--format={{.Repository}}@{{.Digest}}';
  const { stdout } = await docker('image', 'ls', '--digests', format);
  const pulled = stdout.split('\n').filter((name) => name.includes(`/e2e-publish-${word}`));
  return [...(await trialsOf(agents)), ...pulled];
};

/** The outcome of each image: `one:base promoted`. */
const outcomes = ({ images }: PublishReport): string[] =>
  images.map(({ image, outcome }) => `${image.replace(/^.*\/ai-e2e-[^-]*-/, '')} ${outcome}`);
const all = (outcome: string): string[] =>
  ['one:base', 'one:mini', 'two:base', 'two:mini'].map((name) => `${name} ${outcome}`);

type Tags = Readonly<Record<string, string>>;
const isPublic = (tag: string): boolean => !/^(stg|tested)-/.test(tag);

/** Every tag of an agent's repository, with the digest that it points to. */
const tagsOf = async (
  agent: string,
  choose: (tag: string) => boolean = isPublic,
): Promise<Tags> => {
  const tags = (await registry.readTags(`${where}/ai-${agent}`)).filter(choose).toSorted();
  const found = await Promise.all(
    tags.map((tag) => registry.readManifest(`${where}/ai-${agent}:${tag}`)),
  );
  return Object.fromEntries(tags.map((tag, at) => [tag, found[at]?.digest ?? '']));
};
const everyTag = async (choose?: (tag: string) => boolean): Promise<readonly Tags[]> =>
  Promise.all(agents.map((agent) => tagsOf(agent, choose)));

const index = async (agent: string, tag: string): Promise<Manifest> => {
  const found = await registry.readManifest(`${where}/ai-${agent}:${tag}`);
  if (found === undefined) throw new Error(`${agent}:${tag} is not there`);
  return found;
};

/** Holds after every run, however it ended: both platforms are whole and tested behind every public tag. */
const expectSound = async (platforms = both): Promise<void> => {
  for (const agent of agents) {
    const tested = Object.values(await tagsOf(agent, (tag) => tag.startsWith('tested-')));
    for (const [tag, digest] of Object.entries(await tagsOf(agent))) {
      const found = await index(agent, tag);
      expect(found.platforms, `${agent}:${tag}`).toEqual(platforms);
      expect(tested.filter((by) => by === digest).length).toBeGreaterThanOrEqual(2);
      for (const child of found.children)
        expect(await registry.readManifest(`${where}/ai-${agent}@${child}`)).toBeDefined();
    }
  }
};

describe('a first publication', () => {
  test('only shown, writes nothing and names everything that it would', async () => {
    recorder.forget();
    const { code, stdout } = await run('publish', ['--dry-run']);
    expect(code).toBe(0);
    expect(recorder.requests().filter(isWrite)).toEqual([]);
    expect(recorder.requests().length).toBeGreaterThan(0);
    expect(await everyTag(() => true)).toEqual([{}, {}]);
    expect(stdout).toContain(`write ${where}/ai-${one}:1.0.0-base\nwrite ${where}/ai-${one}:base`);
    expect(stdout.match(/^write \S+\/ai-layers:layer-[0-9a-f]{12}-(amd64|arm64)$/gm)).toHaveLength(
      8,
    );
    expect(stdout).toContain('34 tags would be written');
  });

  test('uploads each layer once, whatever images share it', async () => {
    recorder.forget();
    const { code, report, stderr } = await publish();
    expect(outcomes(report), stderr).toEqual(all('promoted'));
    expect(code).toBe(0);
    const lines = recorder.requests();
    const ofLayers = lines.filter((line) => line.includes('/ai-layers/'));
    expect(ofLayers.filter(isWrite).length).toBeGreaterThan(0);
    // A layer that is the same for two platforms is there twice at the same time.
    const sent = [
      ...new Set(uploads(ofLayers)),
      ...uploads(lines.filter((line) => !ofLayers.includes(line))),
    ];
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter((digest, at) => sent.indexOf(digest) !== at)).toEqual([]);
  });

  test('leaves each tag on a tested index of both platforms', async () => {
    await expectSound();
    for (const agent of agents) {
      const tags = await tagsOf(agent);
      expect(Object.keys(tags)).toEqual(['1.0.0-base', '1.0.0-mini', 'base', 'latest', 'mini']);
      expect(new Set([tags['1.0.0-base'], tags['base'], tags['latest']]).size).toBe(1);
      expect(tags['1.0.0-mini']).toBe(tags['mini']);
      expect(tags['mini']).not.toBe(tags['base']);
    }
    const reference = `${where}/ai-${one}:mini`;
    const ran = await docker('run', '--rm', '--network=none', '--user=1234', reference);
    expect(ran.stdout).toBe('1.0.0\n');
    await docker('image', 'rm', '--force', reference);
  });

  test('is written down: what was moved, from where to where, and that it was read back', async () => {
    const folder = join(catalogue.root, '.bakery', 'journal');
    const [file = '', ...others] = await readdir(folder);
    expect(others).toEqual([]);
    const { moved } = JSON.parse(await readFile(join(folder, file), 'utf8')) as {
      moved: { reference: string; from: string | null; to: string; verified: string | null }[];
    };
    const [tags] = await everyTag();
    expect(moved.filter(({ reference }) => reference.includes(one))).toHaveLength(5);
    expect(moved.find(({ reference }) => reference === `${where}/ai-${one}:latest`)).toMatchObject({
      from: null,
      to: tags?.['latest'],
      verified: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
    });
  });

  test('leaves nothing in the engine', async () => {
    const { stdout } = await docker('image', 'ls', '--digests', '--format', '{{.Repository}}');
    expect(stdout).not.toContain(where);
  });
});

describe('a publication that is up to date', () => {
  test('is known from the registry alone: no engine, no memory, nothing written', async () => {
    await rm(join(catalogue.root, '.bakery', 'engines'), { recursive: true });
    const before = await everyTag(() => true);
    recorder.forget();
    const { code, report } = await publish([], { PATH: '/nowhere', XDG_CACHE_HOME: '/nowhere' });
    expect(outcomes(report)).toEqual(all('up to date'));
    expect([code, report.layers, report.tests, report.journal]).toEqual([0, [], [], undefined]);
    expect(recorder.requests().filter(isWrite)).toEqual([]);
    expect(await everyTag(() => true)).toEqual(before);
  });

  test('is built again where that is asked for', async () => {
    const before = await index(one, 'mini');
    const { report } = await publish([one, '--runtime', 'mini', '--force', '--until', 'stage']);
    expect(outcomes(report)).toEqual(['one:mini staged']);
    expect((await index(one, 'mini')).digest).toBe(before.digest);
    await publish();
    await expectSound();
  });
});

describe('one agent changed', () => {
  test('is named by the plan, with what changed', async () => {
    await catalogue.setAgent(one, '1.1.0');
    const { stdout } = await run('plan', []);
    expect(stdout).toMatch(
      new RegExp(`^ai-${one}:mini .* version 1\\.0\\.0 → 1\\.1\\.0; agent layer$`, 'm'),
    );
    expect(stdout).toMatch(new RegExp(`^ai-${two}:mini .* up to date$`, 'm'));
  });

  test('uploads its own layers and configurations, and moves its own tags', async () => {
    const [before, others] = await everyTag();
    recorder.forget();
    const { report } = await publish();
    expect(outcomes(report)).toEqual([
      ...all('promoted').slice(0, 2),
      ...all('up to date').slice(2),
    ]);
    // A layer for each platform, and its configuration; a configuration for each image and platform, without its layers and with.
    expect(uploads(recorder.requests())).toHaveLength(2 + 2 + 4 + 4);
    expect(report.layersFromRegistry.toSorted()).toEqual(
      ['base', 'mini'].flatMap((name) => both.map((platform) => `runtime/${name} ${platform}`)),
    );
    expect(report.layers.filter(({ id }) => !id.startsWith('push ')).map(({ id }) => id)).toEqual(
      both.map((platform) => `agent/${one} ${platform}`),
    );
    const [after, same] = await everyTag();
    expect(same).toEqual(others);
    expect(after?.['1.0.0-mini']).toBe(before?.['mini']);
    expect(after?.['1.1.0-mini']).toBe(after?.['mini']);
    expect(after?.['mini']).not.toBe(before?.['mini']);
    await expectSound();
  });
});

describe('an image that fails its tests', () => {
  test('leaves every tag where it was, and keeps no other image back', async () => {
    const [before] = await everyTag();
    await catalogue.setAgent(one, '1.2.0', { prints: 'broken' });
    await catalogue.setAgent(two, '1.2.0');
    const { code, report, stdout } = await publish();
    expect(code).toBe(1);
    expect(outcomes(report)).toEqual([...all('failed').slice(0, 2), ...all('promoted').slice(2)]);
    expect(stdout).toContain('stdout: broken');
    expect((await everyTag())[0]).toEqual(before);
    await expectSound();
  });

  test('is not promoted by asking again either', async () => {
    const [before] = await everyTag();
    expect(outcomes((await publish()).report).slice(0, 2)).toEqual(all('failed').slice(0, 2));
    expect((await everyTag())[0]).toEqual(before);
  });

  test('moves them once it passes', async () => {
    const [before] = await everyTag();
    await catalogue.setAgent(one, '1.2.0');
    const { code, report } = await publish();
    expect([code, ...outcomes(report).slice(0, 2)]).toEqual([0, ...all('promoted').slice(0, 2)]);
    expect((await everyTag())[0]?.['latest']).not.toBe(before?.['latest']);
    await expectSound();
  });
});

const killedAt = (line: RegExp): Promise<'killed' | 'ended'> =>
  runUntil(line, ['--root', catalogue.root, 'publish', '--registry', where]);

test('killed at every step, it goes on where it was', async () => {
  for (const agent of agents) await catalogue.setAgent(agent, '1.3.0');
  const before = await everyTag();
  const known = new Set(before.flatMap((tags) => Object.values(tags)));
  const steps = [/✔ agent/, /✔ push 1/, /✔ push 2/, /test ai/, /✔ test ai/, /promote/, /✔ promote/];
  for (const step of steps) {
    expect(await killedAt(step), String(step)).toBe('killed');
    await expectSound();
  }
  const { code, report } = await publish();
  expect(code).toBe(0);
  // Layers that were still built came from the builder's cache.
  expect(report.layers.map(({ executed }) => executed).filter((steps_) => steps_ > 0)).toEqual([]);
  const after = await everyTag();
  for (const tags of after) {
    expect(tags['1.3.0-base']).toBe(tags['latest']);
    expect(known.has(tags['latest'] ?? '')).toBe(false);
  }
  await expectSound();
  expect(outcomes((await publish()).report)).toEqual(all('up to date'));
});

test('done in parts, the last one needs nothing but the registry', async () => {
  await catalogue.setAgent(one, '1.4.0');
  const before = await everyTag();
  const staged = await publish([one, '--until', 'stage']);
  expect(outcomes(staged.report)).toEqual(all('staged').slice(0, 2));
  for (const platform of both) {
    // As another machine would: it remembers nothing.
    await rm(join(catalogue.root, '.bakery', 'engines'), { recursive: true, force: true });
    const tested = await publish([one, '--until', 'test', '--platform', platform]);
    expect(outcomes(tested.report)).toEqual(all('tested').slice(0, 2));
    expect(tested.report.layers).toEqual([]);
    expect(tested.report.tests.map((each) => [each.platform, each.test])).toEqual([
      [platform, 'passed'],
      [platform, 'passed'],
    ]);
    expect(await everyTag()).toEqual(before);
  }
  const promoted = await publish([one], { PATH: '/nowhere' });
  expect(outcomes(promoted.report)).toEqual(all('promoted').slice(0, 2));
  expect(promoted.report.tests).toEqual([]);
  await expectSound();
});

test('two at a time that publish the same do each other no harm', async () => {
  await catalogue.setAgent(two, '1.4.0');
  const reports = await Promise.all([publish([two]), publish([two])]);
  for (const { code, report } of reports)
    expect([code, ...report.images.flatMap(({ why }) => why ?? [])]).toEqual([0]);
  await expectSound();
  expect(outcomes((await publish([two])).report).join()).toMatch(/(up to date|promoted)/);
  const [, tags] = await everyTag();
  expect(tags?.['1.4.0-base']).toBe(tags?.['latest']);
  expect(outcomes((await publish()).report)).toEqual(all('up to date'));
});

describe('a tag that would lose a platform', () => {
  test('stays where it is', async () => {
    const [, before] = await everyTag();
    await catalogue.setAgent(two, '1.5.0', { platforms: ['linux/amd64'] });
    const { code, report } = await publish([two, '--runtime', 'mini']);
    expect([code, ...outcomes(report)]).toEqual([1, 'two:mini failed']);
    expect(report.images[0]?.why).toContain('mini has linux/arm64, which this would take away');
    expect((await everyTag())[1]).toEqual(before);
  });

  test('loses it where that is asked for; an index of one platform is an index', async () => {
    const { code } = await publish([two, '--runtime', 'mini', '--drop-platforms']);
    expect(code).toBe(0);
    expect((await index(two, 'mini')).platforms).toEqual(['linux/amd64']);
    expect(outcomes((await publish([two, '--runtime', 'mini'])).report)).toEqual([
      'two:mini up to date',
    ]);
  });
});

const prune = (...args: readonly string[]): Promise<Ran> =>
  run('prune', [one, '--keep-days', '0', '--keep', '1', ...args]);

describe('pruning', () => {
  test('shows first, and deletes nothing', async () => {
    const before = await tagsOf(one, () => true);
    recorder.forget();
    const { code, stdout } = await prune();
    expect(code).toBe(0);
    expect(stdout).toContain(' 1.0.0-base 1.0.0-mini ');
    expect(stdout).toMatch(/^\d+ manifests can go; --yes deletes them$/m);
    expect(recorder.requests().filter(isWrite)).toEqual([]);
    expect(await tagsOf(one, () => true)).toEqual(before);
  });

  test('deletes what is old, and nothing that a tag needs that stays', async () => {
    const before = await tagsOf(one);
    const gone = await index(one, '1.0.0-base');
    const { code, stderr } = await prune('--yes');
    expect(code, stderr).toBe(0);
    const after = await tagsOf(one);
    expect(Object.keys(after)).toEqual(['1.4.0-base', '1.4.0-mini', 'base', 'latest', 'mini']);
    for (const [tag, digest] of Object.entries(after)) expect(digest).toBe(before[tag]);
    for (const digest of [gone.digest, ...gone.children])
      expect(await registry.readManifest(`${where}/ai-${one}@${digest}`)).toBeUndefined();
    for (const child of (await index(one, 'latest')).children)
      expect(await registry.readManifest(`${where}/ai-${one}@${child}`)).toBeDefined();
    expect(outcomes((await publish([one])).report)).toEqual(all('up to date').slice(0, 2));
  });
});
