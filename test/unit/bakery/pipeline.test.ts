import { describe, expect, test } from 'vitest';
import type { Platform } from '../../../kernel/platform.ts';
import { CiSettings } from '../../../bakery/pipeline/ci-settings.rules.ts';
import type { Job } from '../../../bakery/pipeline/job.rules.ts';
import {
  pipeline,
  pipelineJobs,
  type PipelineOptions,
  type Work,
} from '../../../bakery/pipeline/pipeline.rules.ts';
import type { Layer } from '../../../bakery/plan/plan.rules.ts';
import { layerReference } from '../../../bakery/composer/layer-names.rules.ts';
import { type FoundImage, planPublication } from '../../../bakery/publisher/publication.rules.ts';
import type { Step } from '../../../bakery/publisher/steps.rules.ts';
import { digest } from '../support.ts';
import { foundImage, image, request, type State } from './images.ts';

const where = 'registry.example.com/ai';

const layer = (name: string, platform: Platform): Layer => ({
  id: `${name} ${platform}`,
  platform,
  stage: 'stage',
  key: digest('a'),
  dockerfile: '',
  context: name,
  files: [],
});

/** So many of them. */
const layers = (count: number): Layer[] =>
  Array.from({ length: count }, (_, at) => layer(`agent/a${at}`, 'linux/amd64'));

const of = (agent: string, runtime: string, state: State): FoundImage =>
  foundImage(image({ id: `${agent}:${runtime}`, agent, runtime }), state);

const options = (changes: Partial<PipelineOptions> = {}): PipelineOptions => ({
  selection: { agents: [], runtimes: [], platforms: [] },
  settings: {},
  ...changes,
});

type Missing = { readonly layers: readonly Layer[]; readonly images: readonly FoundImage[] };

/** The plan of a publication that builds these layers and takes up these images. */
const workOf = ({ layers: all = [], images = [] }: Partial<Missing>, until: Step): Work => ({
  ...planPublication(
    { layers: [], images: images.map(({ subject }) => subject.image), subjects: [] },
    { images, unseen: [], layers: [] },
    request({ registry: where, until }),
  ),
  builds: all.map((one) => ({ layer: one, reference: layerReference(where, one) })),
});

const jobs = (
  missing: Partial<Missing>,
  { until = 'promote', ...changes }: Partial<PipelineOptions> & { readonly until?: Step } = {},
) => pipelineJobs(workOf(missing, until), options(changes));

/** One job, which has to be there. */
const job = (all: Readonly<Record<string, Job>>, name: string): Job => {
  const one = all[name];
  if (one === undefined) throw new Error(`${name} is not among ${Object.keys(all).join(', ')}`);
  return one;
};

const everything: Missing = {
  layers: [
    layer('runtime/go', 'linux/amd64'),
    layer('agent/otter', 'linux/amd64'),
    layer('agent/otter', 'linux/arm64'),
  ],
  images: [of('otter', 'go', 'missing'), of('otter', 'base', 'missing')],
};

const tests = (agent: string): string[] => [
  `test ${agent} linux/amd64`,
  `test ${agent} linux/arm64`,
];

describe('what gets jobs', () => {
  test.each<[string, Partial<Missing>, string[]]>([
    [
      'all of it, where nothing is there',
      everything,
      [
        'runtime/go linux/amd64',
        'agent/otter linux/amd64',
        'agent/otter linux/arm64',
        'images',
        ...tests('otter'),
        'promotion',
      ],
    ],
    [
      'the images, where their layers are there',
      { images: everything.images },
      ['images', ...tests('otter'), 'promotion'],
    ],
    [
      'one agent, where the others are up to date',
      { images: [of('crane', 'go', 'current'), of('otter', 'go', 'missing')] },
      ['images', ...tests('otter'), 'promotion'],
    ],
    [
      'tests, where it is staged',
      { images: [of('otter', 'go', 'staged')] },
      [...tests('otter'), 'promotion'],
    ],
    [
      'tests on the platform that lacks them',
      { images: [of('otter', 'go', ['linux/amd64'])] },
      ['test otter linux/arm64', 'promotion'],
    ],
    ['the promotion, where it is tested', { images: [of('otter', 'go', 'tested')] }, ['promotion']],
    [
      'one that says so, where nothing is to be done',
      { images: [of('otter', 'go', 'current')] },
      ['nothing to do'],
    ],
  ])('%s', (_, work, expected) => {
    expect(Object.keys(jobs(work))).toEqual(expected);
  });

  test.each<[Step, string[]]>([
    ['stage', ['layers', 'images']],
    ['test', ['layers', 'images', 'tests']],
    ['promote', ['layers', 'images', 'tests', 'promotion']],
  ])('until %s', (until, expected) => {
    const stages = Object.values(jobs(everything, { until })).map(({ stage }) => stage);
    expect([...new Set(stages)]).toEqual(expected);
  });

  test('where only the promotion is missing and not wanted, that is nothing to do', () => {
    const work = { images: [of('otter', 'go', 'tested')] };
    expect(Object.keys(jobs(work, { until: 'test' }))).toEqual(['nothing to do']);
  });
});

test('a layer that stays in the builder’s cache gets no job: the job of the images builds it', () => {
  const work = workOf(everything, 'promote');
  const kept = { ...work, builds: work.builds.map((one) => ({ ...one, reference: undefined })) };
  expect(Object.keys(pipelineJobs(kept, options()))).toEqual([
    'images',
    ...tests('otter'),
    'promotion',
  ]);
});

test('each job is one command that a person can run', () => {
  const all = jobs(everything);
  expect(Object.values(all).map(({ script }) => script)).toEqual([
    [`npx bakery layer runtime/go --platform linux/amd64 --registry ${where}`],
    [`npx bakery layer agent/otter --platform linux/amd64 --registry ${where}`],
    [`npx bakery layer agent/otter --platform linux/arm64 --registry ${where}`],
    [`npx bakery publish --until stage --registry ${where} --report .bakery/ci/images.json`],
    ...['amd64', 'arm64'].map((one) => [
      `npx bakery publish otter --platform linux/${one} --from test --until test --registry ${where} --report .bakery/ci/test-otter-${one}.json --junit .bakery/ci/test-otter-${one}.xml`,
    ]),
    [
      `npx bakery publish --from promote --registry ${where} --report .bakery/ci/promotion.json --journal .bakery/ci/promotion.journal.json`,
    ],
  ]);
});

test('a selection is the same in every job', () => {
  const selection = { agents: ['otter', 'crane'], runtimes: ['go', 'base'], platforms: [] };
  const all = jobs(everything, { selection });
  const named = 'publish otter crane --runtime go,base';
  expect(job(all, 'images').script[0]).toContain(`${named} --until stage`);
  expect(job(all, 'promotion').script[0]).toContain(`${named} --from promote`);
  expect(job(all, 'test otter linux/arm64').script[0]).toContain(
    'publish otter --runtime go,base --platform linux/arm64 --from test',
  );
});

describe('the order', () => {
  test('is that of the stages: no job needs more than the images', () => {
    const all = jobs({ ...everything, layers: layers(60) });
    expect(Object.keys(all).length).toBeGreaterThan(60);
    for (const { needs = [] } of Object.values(all)) expect(needs.length).toBeLessThanOrEqual(1);
  });

  test('lets tests of what is staged start at once', () => {
    const all = jobs({
      images: [of('crane', 'go', ['linux/arm64']), of('otter', 'go', 'missing')],
    });
    expect(job(all, 'test crane linux/amd64').needs).toEqual([]);
    expect(job(all, 'test otter linux/amd64').needs).toEqual(['images']);
  });

  test('lets what fails keep nothing else back', () => {
    const all = jobs(everything);
    const after = Object.values(all).filter(({ stage }) => stage !== 'layers');
    expect(after.map(({ when }) => when)).toEqual(after.map(() => 'always'));
  });
});

test('one promotion at a time, which nothing interrupts', () => {
  const { resource_group, interruptible, artifacts } = job(jobs(everything), 'promotion');
  expect([resource_group, interruptible]).toEqual(['publish', false]);
  expect(artifacts).toMatchObject({
    when: 'always',
    expire_in: '1 year',
    paths: ['.bakery/ci/promotion.json', '.bakery/ci/promotion.journal.json'],
  });
});

test('tests run natively where there are runners for that, and report as JUnit', () => {
  const all = jobs(everything, { settings: { native: { 'linux/arm64': ['arm64', 'docker'] } } });
  expect(job(all, 'test otter linux/amd64').tags).toBeUndefined();
  const native = job(all, 'test otter linux/arm64');
  expect(native.tags).toEqual(['arm64', 'docker']);
  expect(native.artifacts?.reports).toEqual({ junit: '.bakery/ci/test-otter-arm64.xml' });
});

test('settings are said once, for all jobs', () => {
  const settings = CiSettings.parse({
    image: '$BAKERY_CI_IMAGE',
    services: [{ name: 'docker:dind', alias: 'docker' }],
    tags: ['docker'],
    variables: { DOCKER_HOST: 'tcp://docker:2376' },
    before: ['.ci/prepare'],
    command: 'bakery',
  });
  const { workflow, stages, ...rest } = pipeline(
    workOf(everything, 'promote'),
    options({ settings }),
  );
  expect(workflow).toEqual({ rules: [{ when: 'always' }] });
  expect(stages).toEqual(['layers', 'images', 'tests', 'promotion']);
  expect(rest).toMatchObject({
    default: {
      image: '$BAKERY_CI_IMAGE',
      services: [{ name: 'docker:dind', alias: 'docker' }],
      tags: ['docker'],
      before_script: ['.ci/prepare'],
      interruptible: true,
      retry: { max: 2, when: expect.arrayContaining(['runner_system_failure']) as string[] },
    },
    variables: { DOCKER_HOST: 'tcp://docker:2376' },
    'agent/otter linux/amd64': { script: [expect.stringMatching(/^bakery layer agent\/otter /)] },
  });
});

test.each([
  ['a runner for no platform', { native: { 'linux/riscv64': ['riscv'] } }],
  ['no tag at all', { tags: [] }],
  ['an unknown key', { runner: 'docker' }],
  ['a name that is none of a variable', { variables: { 'A-B': 'c' } }],
])('settings with %s are refused', (_, settings) => {
  expect(CiSettings.safeParse(settings).success).toBe(false);
});

test('more jobs than GitLab takes are refused, with what to do', () => {
  expect(Object.keys(jobs({ layers: layers(500) }))).toHaveLength(500);
  expect(() => jobs({ layers: layers(501) })).toThrow(
    expect.objectContaining({
      code: 'E_PIPELINE_SIZE',
      hint: expect.stringContaining('bakery ci <agents>') as string,
    }) as Error,
  );
});

test('names stay within what GitLab takes where they are needed: 128 characters', () => {
  const name = 'a'.repeat(64);
  const work = {
    layers: [layer(`runtime/${name}`, 'linux/arm64')],
    images: [of(name, 'go', 'missing')],
  };
  for (const each of Object.keys(jobs(work))) expect(each.length).toBeLessThanOrEqual(128);
});
