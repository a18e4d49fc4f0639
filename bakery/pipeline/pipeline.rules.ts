/** Makes a GitLab pipeline from the plan of a publication. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { architecture, platforms } from '@ai-bakery/kernel/platform.ts';
import type { CiSettings } from './ci-settings.rules.ts';
import { partOf } from '../composer/layer-names.rules.ts';
import type { Selection } from '../plan/matrix.rules.ts';
import { type Job, publishing } from './job.rules.ts';
import type { PublicationPlan } from '../publisher/publication.rules.ts';

export type PipelineOptions = {
  readonly selection: Selection;
  readonly settings: CiSettings;
};

/** The parts of a plan that become jobs. */
export type Work = Pick<
  PublicationPlan,
  'request' | 'builds' | 'compositions' | 'tests' | 'promotions'
>;

/** The limit of GitLab.com's free plan; other instances may have others. docs.gitlab.com/administration/instance_limits */
const mostJobs = 500;

/** The job that tests wait for. */
const imagesJob = 'images';

/** Only failures of GitLab are repeated: bakery commands repeat their own work. */
const retry = {
  max: 2,
  when: ['runner_system_failure', 'scheduler_failure', 'data_integrity_failure', 'api_failure'],
};

/**
 * The jobs that bring a registry up to date; every job is one bakery command. Stages order them, because GitLab refuses a
 * job that needs more than 50 others. Jobs start even if earlier ones failed: an image that failed fails again without
 * work, and delays no other image.
 * @throws UserError E_PIPELINE_SIZE for more jobs than GitLab accepts.
 */
export function pipelineJobs(work: Work, options: PipelineOptions): Readonly<Record<string, Job>> {
  const jobs = [
    ...layerJobs(work, options),
    ...imagesJobs(work, options),
    ...testJobs(work, options),
    ...promotionJobs(work, options),
  ];
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

/** The whole file, as a value (docs.gitlab.com/ci/yaml): common keywords, and the jobs. */
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

/** The words of a command line with the same selection. */
function wordsOf({ agents, runtimes, platforms: named }: Selection): string[] {
  return [
    ...agents,
    ...(runtimes.length === 0 ? [] : [`--runtime ${runtimes.join(',')}`]),
    ...(named.length === 0 ? [] : [`--platform ${named.join(',')}`]),
  ];
}

/** Layers that the builder keeps are built by the job that makes their images. */
function layerJobs(
  { builds, request }: Work,
  { settings }: PipelineOptions,
): (readonly [string, Job])[] {
  return builds.flatMap(({ layer, reference }) => {
    if (reference === undefined) return [];
    const { platform } = layer;
    const name = partOf(layer);
    const command = settings.command ?? 'npx bakery';
    const script = [
      `${command} layer ${name} --platform ${platform} --registry ${request.registry}`,
    ];
    return [[`${name} ${platform}`, { stage: 'layers', script }] as const];
  });
}

function imagesJobs(
  { compositions, request: { registry } }: Work,
  { selection, settings }: PipelineOptions,
): (readonly [string, Job])[] {
  if (compositions.length === 0) return [];
  const words = [...wordsOf(selection), '--until stage'];
  const job = publishing(imagesJob, words, { registry, settings });
  return [[imagesJob, { stage: 'images', when: 'always', ...job }]];
}

/** One job for each agent and platform; it runs natively if there are runners for the platform. */
function testJobs(
  { tests, compositions, request: { registry } }: Work,
  { selection, settings }: PipelineOptions,
): (readonly [string, Job])[] {
  const agents = [...new Set(tests.map(({ order }) => order.subject.image.agent))];
  return agents.flatMap((agent) => {
    const own = tests.filter(({ order }) => order.subject.image.agent === agent);
    // Tests of images that are staged already start at once.
    const waits = compositions.some(({ subject }) => subject.image.agent === agent);
    return platforms
      .filter((platform) => own.some((one) => one.platform === platform))
      .map((platform) => {
        const tags = settings.native?.[platform];
        const same = { ...selection, agents: [agent], platforms: [platform] };
        const words = [...wordsOf(same), '--from test', '--until test'];
        const name = `test-${agent}-${architecture(platform)}`;
        const job: Job = {
          stage: 'tests',
          when: 'always',
          needs: waits ? [imagesJob] : [],
          ...(tags === undefined ? {} : { tags }),
          ...publishing(name, words, { registry, settings }, ['junit']),
        };
        return [`test ${agent} ${platform}`, job] as const;
      });
  });
}

function promotionJobs(
  { promotions, request: { registry } }: Work,
  { selection, settings }: PipelineOptions,
): (readonly [string, Job])[] {
  if (promotions.length === 0) return [];
  const words = [...wordsOf(selection), '--from promote'];
  const job: Job = {
    stage: 'promotion',
    when: 'always',
    // Of two pipelines that move the same tags, one waits, and none is stopped half way.
    resource_group: 'publish',
    interruptible: false,
    ...publishing('promotion', words, { registry, settings }, ['journal']),
  };
  return [['promotion', job]];
}
