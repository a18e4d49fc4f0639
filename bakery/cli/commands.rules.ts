/** The table of bakery's commands; parsing, help, completion and docs/reference.md come from it. */

import { completionVerb } from '@ai-bakery/kernel/completion-verb.ts';
import type { Flags, Program, Verb, Word } from '@ai-bakery/kernel/commands.ts';
import { platforms } from '@ai-bakery/kernel/platform.ts';
import { steps } from '../publisher/steps.rules.ts';

const common = {
  root: {
    type: 'string',
    value: 'folder',
    help: 'the checkout',
    default: 'the working directory',
    from: 'files',
  },
  builder: {
    type: 'string',
    value: 'name',
    help: 'the builder instance, as `docker buildx ls` names it',
    default: '$BUILDX_BUILDER',
  },
} as const satisfies Flags;

const json = { type: 'boolean', help: 'print the result as JSON' } as const;
const quiet = { type: 'boolean', help: 'show no progress' } as const;

const platform = {
  type: 'list',
  value: 'names',
  help: platforms.join(', '),
  commas: true,
  default: 'all',
  from: platforms,
} as const;

/** The flags that select images. */
const selection = {
  runtime: {
    type: 'list',
    value: 'names',
    help: 'runtimes',
    commas: true,
    default: 'all',
    from: 'runtimes',
  },
  platform,
  json,
} as const satisfies Flags;

const registry = {
  type: 'string',
  value: 'registry',
  help: 'a registry with its namespace, e.g. registry.example.com/ai',
} as const;

const jobs = { type: 'number', value: 'n', minimum: 1, maximum: 64 } as const;

/** The flags of verbs that build and test. */
const baking = {
  jobs: { ...jobs, help: 'layers built, and images tested, at the same time' },
  junit: {
    type: 'string',
    value: 'file',
    help: 'write the test results as JUnit XML',
    from: 'files',
  },
  quiet,
} as const satisfies Flags;

const all = { type: 'boolean', help: 'all agents' } as const;
const force = {
  type: 'boolean',
  help: 'build without cache, and test; also images that are up to date',
} as const;

const agents: Word = {
  name: 'agents',
  help: 'agents by name; default: all',
  optional: true,
  many: true,
  from: 'agents',
};
const agentsOrAll: Word = { ...agents, help: 'agents by name, or --all' };

export const verbs = {
  list: {
    summary: 'list agents and runtimes, and the platforms that are not locked',
    words: [agents],
    flags: {
      ...selection,
      upstreams: { type: 'boolean', help: 'list the upstream images instead, one a line' },
    },
    examples: [{ line: 'bakery list' }, { line: 'bakery list claude --json' }],
  },
  check: {
    summary: 'validate definitions, locks and rendered Dockerfiles',
    words: [agents],
    flags: selection,
    examples: [{ line: 'bakery check' }],
  },
  plan: {
    summary: 'show layers, images and keys without building',
    words: [agents],
    flags: {
      ...selection,
      registry: { ...registry, help: 'compare with this registry: report every difference' },
    },
    examples: [
      { line: 'bakery plan claude' },
      { line: 'bakery plan --registry registry.example.com/ai' },
    ],
  },
  render: {
    summary: 'print Dockerfiles, or a bake file, that build without the bakery',
    words: [agents],
    flags: {
      ...selection,
      out: {
        type: 'string',
        value: 'folder',
        help: 'write one Dockerfile for each image into this folder',
        from: 'files',
      },
      bake: { type: 'boolean', help: 'print one bake file for `docker buildx bake -f -`' },
      registry: {
        ...registry,
        help: 'with --bake: push to the staging tags of this registry, not to the local engine',
      },
    },
    examples: [
      { line: 'bakery render claude --runtime base', note: 'one Dockerfile' },
      { line: 'bakery render --bake | docker buildx bake -f -' },
    ],
  },
  build: {
    summary: 'build images into the local engine, and test them',
    about:
      "Builds images for this machine's platform, or for the named ones, into the local engine, and tests them.",
    words: [agentsOrAll],
    flags: {
      ...selection,
      ...baking,
      all,
      force,
      'no-test': { type: 'boolean', help: 'build only' },
      'dry-run': { type: 'boolean', help: 'show the plan without building' },
    },
    examples: [
      { line: 'bakery build claude', note: 'claude on all runtimes' },
      { line: 'bakery build gemini aider --runtime go', note: 'two agents on one runtime' },
      { line: 'bakery build --all --platform linux/amd64,linux/arm64' },
    ],
  },
  test: {
    summary: 'test the images of the local engine again',
    words: [agentsOrAll],
    flags: { ...selection, ...baking, all },
    examples: [{ line: 'bakery test claude --runtime base' }],
  },
  publish: {
    summary: 'bring a registry up to date: build, test there, move the tags',
    about:
      'Brings a registry up to date: builds and pushes missing images, tests them there, and moves the tags to those that passed.',
    words: [agents],
    flags: {
      ...selection,
      ...baking,
      registry: { ...registry, required: true },
      from: {
        type: 'string',
        value: 'step',
        help: 'begin with this step: test or promote; images that are not staged, or not tested, fail',
        default: 'stage',
        choices: steps,
      },
      until: {
        type: 'string',
        value: 'step',
        help: 'stop after this step: stage or test',
        default: 'promote',
        choices: steps,
      },
      'dry-run': { type: 'boolean', help: 'show every tag that would be written, and the reason' },
      force,
      'accept-unexecuted': {
        type: 'boolean',
        help: 'promote images of platforms that this machine cannot execute, by their static checks',
      },
      'drop-platforms': { type: 'boolean', help: 'let a tag lose a platform that it has' },
      sign: {
        type: 'string',
        value: 'key',
        help: 'sign with cosign: a file, env://NAME, a KMS address, or `keyless`',
        from: 'files',
      },
      'public-key': {
        type: 'string',
        value: 'file',
        help: 'the public key of --sign',
        from: 'files',
      },
      'no-sign': { type: 'boolean', help: 'do not sign; overrides bakery.yaml' },
      scan: {
        type: 'string',
        value: 'scanner',
        help: 'scan for vulnerabilities before the tags move: trivy or grype',
        from: ['trivy', 'grype'],
      },
      'fail-on': {
        type: 'string',
        value: 'severity',
        help: 'lowest severity that blocks promotion: low, medium, high or critical',
        default: 'high',
        from: ['low', 'medium', 'high', 'critical'],
      },
      'no-scan': { type: 'boolean', help: 'do not scan; overrides bakery.yaml' },
      provenance: {
        type: 'string',
        value: 'mode',
        help: 'attach provenance: min, max or off',
        default: 'bakery.yaml, or off',
        from: ['min', 'max', 'off'],
      },
      sbom: {
        type: 'string',
        value: 'generator',
        help: 'attach an SBOM made by this image, named by digest; or off',
        default: 'bakery.yaml, or off',
        from: ['off'],
      },
      journal: {
        type: 'string',
        value: 'file',
        help: 'write the moved tags to this file',
        default: 'a file in .bakery/journal',
        from: 'files',
      },
      report: {
        type: 'string',
        value: 'file',
        help: 'write the result as JSON to this file, and print it for people',
        from: 'files',
      },
    },
    examples: [
      { line: 'bakery publish --registry registry.example.com/ai --dry-run' },
      { line: 'bakery publish claude --registry registry.example.com/ai --until test' },
    ],
    notes: [{ text: 'docs/publishing.md describes the steps.' }],
  },
  ci: {
    summary: 'print the GitLab pipeline that brings a registry up to date',
    about:
      'Prints the GitLab pipeline that brings a registry up to date: jobs for layers, images, tests and promotion.',
    words: [agents],
    flags: {
      ...selection,
      registry: { ...registry, required: true },
      until: {
        type: 'string',
        value: 'step',
        help: 'leave out the jobs after this step: stage or test',
        default: 'promote',
        choices: steps,
      },
      output: {
        type: 'string',
        value: 'file',
        help: 'write the pipeline to this file',
        from: 'files',
      },
    },
    examples: [
      { line: 'bakery ci --registry registry.example.com/ai --output pipeline.yml' },
      {
        line: 'bakery ci claude --registry registry.example.com/ai --until test',
        note: 'promotes nothing, as for a merge request',
      },
    ],
    notes: [{ text: 'The settings of the jobs are in bakery.yaml, under `ci`: docs/ci.md.' }],
  },
  layer: {
    summary: 'push layers to a registry, built if it does not have them',
    about:
      'Pushes layers to a registry. A layer that the registry has under its key is not built. `bakery publish` makes images of them on any machine, without building or downloading them.',
    words: [
      {
        name: 'ids',
        help: 'layers, as `bakery plan` names them: "agent/claude linux/arm64" or runtime/go',
        many: true,
        from: 'layers',
      },
    ],
    flags: {
      registry: { ...registry, required: true },
      platform: { ...platform, help: 'platforms of layers that are named without one' },
      force: { type: 'boolean', help: 'build layers that the registry has, too' },
      jobs: { ...jobs, help: 'layers built at the same time' },
      quiet,
      json,
    },
    examples: [
      { line: "bakery layer 'agent/claude linux/arm64' --registry registry.example.com/ai" },
      {
        line: 'bakery layer runtime/base runtime/go --registry registry.example.com/ai',
        note: 'all their platforms',
      },
      {
        line: 'bakery layer agent/claude --platform linux/arm64 --registry registry.example.com/ai',
      },
    ],
  },
  prune: {
    summary: 'list leftovers of old publications in a registry; --yes deletes them',
    words: [agents],
    flags: {
      registry: { ...registry, required: true },
      'keep-days': {
        type: 'number',
        value: 'n',
        help: 'keep everything younger than this',
        minimum: 0,
        maximum: 99_999,
        initial: 30,
      },
      keep: {
        type: 'number',
        value: 'n',
        help: 'keep this many fixed tags of each runtime, regardless of age',
        minimum: 0,
        maximum: 99_999,
        initial: 5,
      },
      yes: { type: 'boolean', help: 'delete' },
      json,
    },
    examples: [
      { line: 'bakery prune --registry registry.example.com/ai' },
      { line: 'bakery prune --registry registry.example.com/ai --keep-days 90 --yes' },
    ],
  },
  update: {
    summary: "move locks to the newest versions that all of an agent's platforms have",
    words: [{ ...agents, help: 'agents by name; default: all, and the upstream images' }],
    flags: {
      check: { type: 'boolean', help: 'only report' },
      upstreams: { type: 'boolean', help: 'the upstream images only' },
      json,
    },
    examples: [
      { line: 'bakery update --check', note: 'newer versions' },
      { line: 'bakery update claude' },
    ],
  },
  doctor: {
    summary: 'check this machine: engine, builder, emulation, registries, disk',
    flags: { json },
    examples: [{ line: 'bakery doctor' }],
  },
  completion: completionVerb('bakery'),
} as const satisfies Readonly<Record<string, Verb>>;

export type VerbName = keyof typeof verbs;

export const program: Program & { readonly common: typeof common } = {
  name: 'bakery',
  about: 'Bakes AI coding agents × runtimes into tested, hardened container images.',
  common,
  verbs,
  groups: {},
  examples: [
    ...verbs.build.examples,
    { line: 'bakery render claude --runtime base', note: 'builds without the bakery' },
    { line: 'bakery update --check', note: 'newer versions' },
  ],
  notes: [
    {
      title: 'Exit codes',
      text: '0 all well; 1 something failed; 2 wrong usage; 70 a bug in bakery; 130 interrupted.',
    },
  ],
};
