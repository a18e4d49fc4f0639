import { existsSync } from 'node:fs';
import { cp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { delimiter, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { emulation } from '../support/emulation.ts';
import { checkout, docker, edit, run } from '../e2e/support.ts';
import { commitFolder, gitlab } from '../program/gitlab.ts';
import { isWrite, type Recorder, recordRequests } from './recorder.ts';
import { type Registry, serveRegistry } from './registry.ts';
import { makeTinyCatalogue, type TinyCatalogue } from './tiny-catalogue.ts';

/** This project's own pipeline, from a clean checkout with a catalogue of its own, to a registry of its own. */

const hasRsync = (process.env['PATH'] ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'rsync')));

const agents = ['e2e-first', 'e2e-second'];
/** For both platforms, and for one only. */
const [one = '', two = ''] = agents;
const both = ['linux/amd64', 'linux/arm64'];
const amd64 = { platforms: ['linux/amd64'] };
const client = openRegistry(new AbortController().signal);

let catalogue: TinyCatalogue;
let registry: Registry;
let recorder: Recorder;
let where = '';

/** Paths that a clean checkout does not have, or that the tiny catalogue brings. */
const absent = new Set([
  '.bakery',
  '.git',
  '.gitlab-ci-local',
  'agents',
  'bakery.local.yaml',
  'bakery.yaml',
  'dist',
  'node_modules',
  'runtimes',
  'upstream.lock.yaml',
]);

/** npx keeps a link to every folder whose program it has run. */
const forgetNpx = async (root: string): Promise<void> => {
  const { stdout } = await run('npm', ['config', 'get', 'cache']);
  const folder = join(stdout.trim(), '_npx');
  for (const entry of await readdir(folder).catch(() => [])) {
    const link = join(folder, entry, 'node_modules', 'ai-bakery');
    const target = await realpath(link).catch(() => undefined);
    if (target === (await realpath(root))) await rm(join(folder, entry), { recursive: true });
  }
};

beforeAll(async () => {
  if (!hasRsync) return;
  await emulation.on();
  catalogue = await makeTinyCatalogue(agents);
  await catalogue.setAgent(two, '1.0.0', amd64);
  await rm(join(catalogue.root, 'runtimes', 'mini'), { recursive: true });
  await cp(checkout, catalogue.root, {
    recursive: true,
    filter: (path) => !absent.has(relative(checkout, path)),
  });
  // Jobs share one folder here, and npx must not be called twice at a time for one folder.
  await edit(
    join(catalogue.root, 'bakery.yaml'),
    (text) => `${text}  command: node_modules/.bin/node bakery/dist/bakery.js\n`,
  );
  commitFolder(catalogue.root);
  registry = await serveRegistry();
  recorder = await recordRequests(registry.host);
  where = `${recorder.address}/ai`;
});
afterAll(async () => {
  if (!hasRsync) return;
  await forgetNpx(catalogue.root);
  await recorder.close();
  await registry.close();
  await catalogue.close();
});

type Run = {
  readonly code: number | null;
  /** The result of every job of the generated pipeline: `PASS images`. */
  readonly jobs: readonly string[];
  readonly output: string;
};

/** Runs jobs on this machine, as a runner with the shell executor would. */
const runJobs = async (...args: readonly string[]): Promise<Run> => {
  const { code, stdout, stderr } = await gitlab(catalogue.root, [
    '--force-shell-executor',
    '--shell-executor-no-image',
    ...args,
  ]);
  const ended = [...stdout.matchAll(/^ (PASS|FAIL) +(?:\[publish\] -> )?(\S.*?) *$/gm)];
  const own = ended.filter(([, , name = '']) => !['generate', 'publish'].includes(name));
  expect(ended.length, stdout + stderr).toBeGreaterThan(0);
  return {
    code,
    jobs: own.map(([, state, name]) => `${state} ${name}`).toSorted(),
    output: stdout + stderr,
  };
};

const settings = (): string[] => [
  '--variable=BAKERY_SKIP_TESTS=yes',
  `--variable=BAKERY_REGISTRY=${where}`,
];
const isProtected = '--variable=CI_COMMIT_REF_PROTECTED=true';

/** A push to a protected branch, or its schedule. */
const onMain = (): Promise<Run> => {
  recorder.forget();
  return runJobs(...settings(), isProtected);
};
const onMergeRequest = (): Promise<Run> => {
  recorder.forget();
  return runJobs(
    ...settings(),
    '--unset-variable=CI_COMMIT_BRANCH',
    '--variable=CI_PIPELINE_SOURCE=merge_request_event',
  );
};
/** The same as on the main branch, in two: gitlab-ci-local's exit code says nothing of pipelines that it triggers. */
const onMainInTwo = async (): Promise<Run> => {
  const { code, output } = await runJobs('generate', ...settings(), isProtected);
  expect(code, output).toBe(0);
  recorder.forget();
  return runJobs('--file', '.bakery/ci/pipeline.yml');
};

const passed = (...names: readonly string[]): string[] =>
  names.map((name) => `PASS ${name}`).toSorted();
const onBoth = (name: string): string[] => both.map((platform) => `${name} ${platform}`);

type Tags = Readonly<Record<string, string>>;

/** Every tag of an agent's repository, with the digest that it points to. */
const tagsOf = async (agent: string): Promise<Tags> => {
  const tags = (await client.readTags(`${where}/ai-${agent}`)).toSorted();
  const found = await Promise.all(
    tags.map((tag) => client.readManifest(`${where}/ai-${agent}:${tag}`)),
  );
  return Object.fromEntries(tags.map((tag, at) => [tag, found[at]?.digest ?? '']));
};
const isPublic = (tag: string): boolean => /^(\d.*-)?base$|^latest$/.test(tag);
const publicTags = async (agent: string): Promise<Tags> =>
  Object.fromEntries(Object.entries(await tagsOf(agent)).filter(([tag]) => isPublic(tag)));

/** Public tags point to what passed its tests on every platform. */
const expectTested = async (agent: string, platforms: readonly string[]): Promise<void> => {
  const all = Object.entries(await tagsOf(agent));
  for (const [tag, digest] of all.filter(([name]) => isPublic(name))) {
    const tests = all.filter(([name, of]) => name.startsWith('tested-') && of === digest);
    expect(tests.length, `${agent}:${tag}`).toBe(platforms.length);
    const found = await client.readManifest(`${where}/ai-${agent}:${tag}`);
    expect(found?.platforms).toEqual(platforms);
  }
};

const read = (file: string): Promise<string> =>
  readFile(join(catalogue.root, '.bakery', 'ci', file), 'utf8');

describe.skipIf(!hasRsync)('the pipeline (needs rsync, which gitlab-ci-local copies with)', () => {
  test('publishes from a clean checkout: layers, images, tests, one promotion', async () => {
    const { jobs, output } = await onMain();
    expect(jobs, output).toEqual(
      passed(
        ...onBoth('runtime/base'),
        ...onBoth(`agent/${one}`),
        `agent/${two} linux/amd64`,
        'images',
        ...onBoth(`test ${one}`),
        `test ${two} linux/amd64`,
        'promotion',
      ),
    );
    for (const agent of agents)
      expect(Object.keys(await publicTags(agent))).toEqual(['1.0.0-base', 'base', 'latest']);
    await expectTested(one, both);
    await expectTested(two, ['linux/amd64']);
    const reference = `${where}/ai-${one}:latest`;
    const ran = await docker('run', '--rm', '--network=none', '--user=1234', reference);
    await docker('image', 'rm', '--force', reference);
    expect(ran.stdout, ran.stderr).toBe('1.0.0\n');
  });

  test('leaves its reports: tests as JUnit, what became of images, what was moved', async () => {
    expect(await read(`test-${one}-arm64.xml`)).toMatch(
      /<testsuite name="[^"]*linux\/arm64" tests="\d+" failures="0"/,
    );
    const staged = JSON.parse(await read('images.json')) as PublishReport;
    // Other jobs have built them.
    expect(staged.layersFromRegistry).toHaveLength(5);
    expect(staged.layers.every(({ id }) => id.startsWith('push '))).toBe(true);
    const { images } = JSON.parse(await read('promotion.json')) as PublishReport;
    expect(images.map(({ outcome }) => outcome)).toEqual(['promoted', 'promoted']);
    const { moved } = JSON.parse(await read('promotion.journal.json')) as { moved: object[] };
    expect(moved).toHaveLength(6);
  });

  test('does nothing where nothing has changed', async () => {
    const { jobs, output } = await onMain();
    expect(jobs, output).toEqual(passed('nothing to do'));
    expect(recorder.requests().filter(isWrite)).toEqual([]);
    expect(recorder.requests().length).toBeGreaterThan(0);
  });

  test('builds and tests the one agent that a merge request touches, and promotes nothing', async () => {
    const before = await Promise.all(agents.map(publicTags));
    await catalogue.setAgent(one, '1.1.0');
    const { jobs, output } = await onMergeRequest();
    expect(jobs, output).toEqual(
      passed(...onBoth(`agent/${one}`), 'images', ...onBoth(`test ${one}`)),
    );
    expect(await Promise.all(agents.map(publicTags))).toEqual(before);
    const writes = recorder.requests().filter(isWrite);
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.filter((line) => line.includes(two))).toEqual([]);
  });

  test('is red for an agent that fails its tests, and moves none of its tags; what passed before is promoted as it is', async () => {
    const [, before] = await Promise.all(agents.map(publicTags));
    await catalogue.setAgent(two, '1.1.0', { ...amd64, prints: 'broken' });
    const { code, jobs, output } = await onMainInTwo();
    expect([code, jobs], output).toEqual([
      1,
      [
        'FAIL promotion',
        `FAIL test ${two} linux/amd64`,
        ...passed(`agent/${two} linux/amd64`, 'images'),
      ],
    ]);
    expect(await publicTags(two)).toEqual(before);
    const merged = await publicTags(one);
    expect(merged['latest']).toBe(merged['1.1.0-base']);
    await expectTested(one, both);
  });

  test('is green, and moves them, once it passes', async () => {
    const before = await publicTags(two);
    await catalogue.setAgent(two, '1.1.0', amd64);
    const { code, jobs, output } = await onMainInTwo();
    expect([code, jobs], output).toEqual([
      0,
      passed(`agent/${two} linux/amd64`, 'images', `test ${two} linux/amd64`, 'promotion'),
    ]);
    const after = await publicTags(two);
    expect(after['latest']).toBe(after['1.1.0-base']);
    expect(after['latest']).not.toBe(before['latest']);
    await expectTested(two, ['linux/amd64']);
  });
});
