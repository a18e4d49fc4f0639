import { UserError } from '@ai-bakery/kernel/error.ts';
import { architecture, type Platform, platforms } from '@ai-bakery/kernel/platform.ts';
import type { CiSettings } from './ci-settings.rules.ts';
import { partOf } from '../composer/layer-names.rules.ts';
import type { Selection } from '../plan/matrix.rules.ts';
import { type Job, publishing } from './job.rules.ts';
import type { Image, Layer } from '../plan/plan.rules.ts';
import type { Need } from '../publisher/need.rules.ts';
import { type Step, steps } from '../publisher/steps.rules.ts';

/** A publication as a GitLab pipeline (docs.gitlab.com/ci/yaml). Every job is one bakery command. */

/** What a registry misses. */
export type Work = {
  readonly layers: readonly Layer[];
  readonly images: readonly { readonly image: Image; readonly need: Need }[];
};

export type PipelineOptions = {
  /** With its namespace: `registry.example.com/ai`. */
  readonly registry: string;
  readonly selection: Selection;
  /** The last step that gets jobs. */
  readonly until: Step;
  readonly settings: CiSettings;
};

/** What GitLab.com takes at most on its free plan; other instances say themselves. docs.gitlab.com/administration/instance_limits */
const mostJobs = 500;

/** The one job that all tests may wait for. */
const imagesJob = 'images';

/** What a job did is no reason to run it again: a bakery command repeats by itself what can be repeated. */
const retry = {
  max: 2,
  when: ['runner_system_failure', 'scheduler_failure', 'data_integrity_failure', 'api_failure'],
};

/**
 * The jobs that bring a registry up to date. Stages order them, because GitLab refuses a job that needs more than 50
 * others. They start whatever became of those before them: what failed fails again there, without work, and keeps
 * nothing else back.
 * @throws UserError E_PIPELINE_SIZE for more jobs than GitLab takes.
 */
export function pipelineJobs(work: Work, options: PipelineOptions): Readonly<Record<string, Job>> {
  const { selection, until } = options;
  const last = steps.indexOf(until);
  const has = (...wanted: readonly Need['step'][]): boolean =>
    work.images.some(({ need }) => wanted.includes(need.step));
  const jobs: [string, Job][] = [...layerJobs(work.layers, options)];
  if (has('build')) {
    const words = [...wordsOf(selection), '--until stage'];
    const job = publishing(imagesJob, words, options);
    jobs.push([imagesJob, { stage: 'images', when: 'always', ...job }]);
  }
  if (last >= steps.indexOf('test')) jobs.push(...testJobs(work, options));
  if (last >= steps.indexOf('promote') && has('build', 'test', 'promote', 'sign')) {
    const words = [...wordsOf(selection), '--from promote'];
    const job: Job = {
      stage: 'promotion',
      when: 'always',
      // Of two pipelines that move the same tags one waits, and is not stopped half way.
      resource_group: 'publish',
      interruptible: false,
      ...publishing('promotion', words, options, ['journal']),
    };
    jobs.push(['promotion', job]);
  }
  if (jobs.length > mostJobs) {
    throw new UserError(
      'E_PIPELINE_SIZE',
      `this pipeline would have ${jobs.length} jobs; GitLab takes ${mostJobs} at most`,
      { hint: 'generate one pipeline for each part of the catalogue: bakery ci <agents>' },
    );
  }
  // GitLab refuses a pipeline without jobs.
  const nothing: Job = {
    stage: 'promotion',
    before_script: [],
    services: [],
    script: ['echo "The registry is up to date."'],
  };
  return Object.fromEntries(jobs.length === 0 ? [['nothing to do', nothing]] : jobs);
}

/** The whole file, as a value: what all jobs have in common, and the jobs. */
export function pipeline(work: Work, options: PipelineOptions): Readonly<Record<string, unknown>> {
  const { image, services, tags, before, variables } = options.settings;
  const common = Object.entries({ image, services, tags, before_script: before, variables });
  const { variables: values, ...given } = Object.fromEntries(
    common.filter(([, value]) => value !== undefined),
  );
  return {
    // Without rules, GitLab leaves a merge request's child pipeline empty.
    workflow: { rules: [{ when: 'always' }] },
    stages: ['layers', 'images', 'tests', 'promotion'],
    ...(values === undefined ? {} : { variables: values }),
    default: { ...given, interruptible: true, retry },
    ...pipelineJobs(work, options),
  };
}

/** The words that select the same again. */
function wordsOf({ agents, runtimes, platforms: named }: Selection): string[] {
  return [
    ...agents,
    ...(runtimes.length === 0 ? [] : [`--runtime ${runtimes.join(',')}`]),
    ...(named.length === 0 ? [] : [`--platform ${named.join(',')}`]),
  ];
}

function layerJobs(
  layers: readonly Layer[],
  { registry, settings }: PipelineOptions,
): [string, Job][] {
  return layers.map((layer) => {
    const { platform } = layer;
    const name = partOf(layer);
    const command = settings.command ?? 'npx bakery';
    const script = [`${command} layer ${name} --platform ${platform} --registry ${registry}`];
    return [`${name} ${platform}`, { stage: 'layers', script }];
  });
}

/** On which platforms an image is still to be tested. */
function untestedOf({ image, need }: Work['images'][number]): readonly Platform[] {
  return need.step === 'build' ? image.platforms : need.untested;
}

/** One job for each agent and platform, where that runs natively if there are runners for it. */
function testJobs({ images }: Work, options: PipelineOptions): [string, Job][] {
  return [...new Set(images.map(({ image }) => image.agent))].flatMap((agent) => {
    const own = images.filter(({ image }) => image.agent === agent);
    // What is staged already need not wait until the others are.
    const waits = own.some(({ need }) => need.step === 'build');
    return platforms
      .filter((platform) => own.some((one) => untestedOf(one).includes(platform)))
      .map((platform): [string, Job] => {
        const tags = options.settings.native?.[platform];
        const selection = { ...options.selection, agents: [agent], platforms: [platform] };
        const words = [...wordsOf(selection), '--from test', '--until test'];
        const name = `test-${agent}-${architecture(platform)}`;
        return [
          `test ${agent} ${platform}`,
          {
            stage: 'tests',
            when: 'always',
            needs: waits ? [imagesJob] : [],
            ...(tags === undefined ? {} : { tags }),
            ...publishing(name, words, options, ['junit']),
          },
        ];
      });
  });
}
