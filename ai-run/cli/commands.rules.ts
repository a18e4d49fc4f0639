/** The table of ai-run's commands; parsing, help, completion and docs/reference.md come from it. */

import { completionVerb } from '@ai-bakery/kernel/completion-verb.ts';
import { shells } from '@ai-bakery/kernel/completion-script.ts';
import type { Flags, Program, ValuesOf, Verb } from '@ai-bakery/kernel/commands.ts';
import { platforms } from '@ai-bakery/kernel/platform.ts';
import { gitModes } from '../git/modes.rules.ts';
import { groups, programNotes, startNotes } from './notes.rules.ts';

/** The flags of a start. */
const runFlags = {
  runtime: {
    type: 'string',
    value: 'name',
    help: 'runtime of the image, e.g. go or php8.4',
    default: 'base',
    from: 'runtimes',
    group: 'Image',
  },
  lang: {
    type: 'string',
    value: 'name',
    help: 'the same as --runtime',
    from: 'runtimes',
    group: 'Image',
  },
  'image-source': {
    type: 'string',
    value: 'from',
    help: 'local or registry',
    default: '$AI_IMAGE_SOURCE, or local',
    from: ['local', 'registry'],
    group: 'Image',
  },
  platform: {
    type: 'string',
    value: 'name',
    help: platforms.join(' or '),
    default: '$AI_RUN_PLATFORM, or that of this machine',
    from: platforms,
    group: 'Image',
  },
  pull: {
    type: 'string',
    value: 'when',
    help: 'pull an image of a registry: always, missing or never',
    default: 'missing',
    from: ['always', 'missing', 'never'],
    group: 'Image',
  },
  build: {
    type: 'boolean',
    help: 'build the local image with `bakery build` first',
    group: 'Image',
  },
  shell: { type: 'boolean', help: 'start bash instead of the agent', group: 'Session' },
  print: { type: 'boolean', help: 'print the docker command and do not run it', group: 'Session' },
  git: {
    type: 'string',
    value: 'mode',
    help: 'shadow: a repository of its own, whose commits `ai-run git fetch` brings back; none: no repository; live: yours, including everything that the agent changes in it',
    default: 'shadow',
    choices: gitModes,
    group: 'Session',
  },
  'no-mask': {
    type: 'boolean',
    help: 'show the agent .env files, keys and tokens of the project',
    group: 'Session',
  },
  'with-config': {
    type: 'boolean',
    help: "copy your own configuration of the agent into its home: the files that the image's contract lists, without anything that can run; the agent's own settings override it",
    group: 'Session',
  },
  'git-credentials': {
    type: 'boolean',
    help: 'ask which key of ~/.ssh its git may use; the answer "always" is kept for this project',
    group: 'Session',
  },
  'ssh-key': {
    type: 'list',
    value: 'name',
    help: 'let its git use this key of ~/.ssh for one session; the key must not have a passphrase',
    group: 'Session',
  },
  env: {
    type: 'list',
    value: 'name',
    help: 'pass this variable on; its value comes from the environment or ~/.ai-env',
    group: 'Session',
  },
  mount: {
    type: 'list',
    value: 'path[:ro]',
    help: 'share one more folder',
    from: 'files',
    group: 'Limits',
  },
  network: {
    type: 'string',
    value: 'mode',
    help: 'bridge or none',
    default: 'bridge',
    choices: ['bridge', 'none'],
    group: 'Limits',
  },
  join: {
    type: 'string',
    value: 'network',
    help: 'join a network of docker instead',
    group: 'Limits',
  },
  memory: {
    type: 'string',
    value: 'amount',
    help: 'memory, e.g. 8g',
    default: '4g',
    group: 'Limits',
  },
  cpus: {
    type: 'string',
    value: 'count',
    help: 'processors, e.g. 4 or 0.5',
    default: '2',
    group: 'Limits',
  },
  pids: {
    type: 'string',
    value: 'count',
    help: 'most processes and threads',
    default: '1024',
    group: 'Limits',
  },
  'writable-root': {
    type: 'boolean',
    help: "make the image's files writable for this session",
    group: 'Limits',
  },
  gvisor: { type: 'boolean', help: 'run under gVisor', group: 'Limits' },
  'oci-runtime': {
    type: 'string',
    value: 'name',
    help: 'run under another OCI runtime of docker',
    group: 'Limits',
  },
} as const satisfies Flags;

/** The values of a start's flags. */
export type RunFlags = ValuesOf<typeof runFlags>;

export const start = {
  summary: 'start an agent around the current folder',
  about:
    "Starts an agent in a hardened container around the current folder. It sees this folder, a home of its own, a copy of the repository, and the credentials that its image's contract names; nothing else of this machine.",
  words: [{ name: 'agent', help: 'an agent, e.g. claude', from: 'agents' }],
  rest: { name: 'agent arguments', help: 'go to the agent unchanged' },
  flags: runFlags,
  examples: [
    { line: 'ai-run claude' },
    { line: 'ai-run gemini --runtime go -- --version' },
    { line: "echo 'explain this' | ai-run claude -- -p" },
    { line: 'ai-run claude --memory 8g --cpus 4' },
  ],
  notes: startNotes,
} as const satisfies Verb;

const json = { type: 'boolean', help: 'print the result as JSON' } as const;
const yes = { type: 'boolean', help: 'do it without a question' } as const;
const session = {
  name: 'session',
  help: 'a session, as `ai-run ps` shows it',
  from: 'sessions',
} as const;
const kept = {
  name: 'session',
  help: 'a session, as `ai-run git list` shows it',
  from: 'commits',
} as const;

export const verbs = {
  ps: {
    summary: 'list the sessions that run',
    flags: { json },
    examples: [{ line: 'ai-run ps' }, { line: 'ai-run ps --json' }],
  },
  attach: {
    summary: 'connect the terminal to a running session',
    words: [session],
    flags: {},
    examples: [{ line: 'ai-run attach claude-shop-3f9a2c' }],
  },
  stop: {
    summary: 'stop sessions',
    words: [{ ...session, optional: true, many: true }],
    flags: { all: { type: 'boolean', help: 'stop all of your sessions' } },
    examples: [{ line: 'ai-run stop claude-shop-3f9a2c' }, { line: 'ai-run stop --all' }],
  },
  'git list': {
    summary: 'list the sessions whose commits are kept',
    flags: {},
    examples: [{ line: 'ai-run git list' }],
  },
  'git fetch': {
    summary: 'bring commits of sessions into your repository',
    about:
      'Brings the commits of sessions into your repository as refs/remotes/ai/<session>/<branch>, and forgets the sessions. Branches of a second worktree become …/<session>.1/<branch>. Without a name: all ended sessions of the current folder.',
    words: [{ ...kept, optional: true, many: true }],
    flags: {},
    examples: [
      { line: 'ai-run git fetch', note: 'all sessions of this folder' },
      { line: 'ai-run git fetch claude-shop-3f9a2c' },
    ],
    notes: groups.git.notes,
  },
  'git drop': {
    summary: 'forget sessions with their commits',
    about: 'Forgets sessions with their commits. Files of the project do not change.',
    words: [{ ...kept, many: true }],
    flags: {},
    examples: [{ line: 'ai-run git drop claude-shop-3f9a2c' }],
  },
  list: {
    summary: 'list the images of agents on this machine, and newer ones of a registry',
    flags: { json },
    examples: [{ line: 'ai-run list' }],
  },
  doctor: {
    summary: 'check this machine: engine, limits, registry, files',
    about:
      'Checks the engine and its known vulnerabilities, limits, registry and files: reports what is wrong, and the remedy.',
    flags: { json },
    examples: [{ line: 'ai-run doctor' }],
  },
  setup: {
    summary: 'make `claude` mean `ai-run claude` in your shell',
    about:
      'Writes aliases and completion for your shell, and pulls the images. Afterwards `claude` means `ai-run claude --`, and `command claude` the program of this machine.',
    flags: {
      agents: {
        type: 'string',
        value: 'names',
        help: 'agents that get an alias, separated by commas',
        default: 'asks',
        from: 'agents',
      },
      shell: {
        type: 'string',
        value: 'name',
        help: shells.join(', '),
        default: '$SHELL',
        from: shells,
      },
      yes,
      'no-pull': { type: 'boolean', help: 'do not pull the images' },
    },
    examples: [{ line: 'ai-run setup' }, { line: 'ai-run setup --agents claude,codex --yes' }],
  },
  uninstall: {
    summary: 'remove what setup wrote; on request, everything that ai-run keeps',
    flags: {
      images: { type: 'boolean', help: 'also remove the images that were pulled' },
      homes: { type: 'boolean', help: 'also remove homes and caches of agents' },
      all: {
        type: 'boolean',
        help: 'also remove images, homes, your settings, and the commits of agents',
      },
      yes,
    },
    examples: [{ line: 'ai-run uninstall' }, { line: 'ai-run uninstall --all --yes' }],
  },
  completion: completionVerb('ai-run'),
} as const satisfies Readonly<Record<string, Verb>>;

export const program: Program = {
  name: 'ai-run',
  about:
    'Runs AI coding agents in hardened containers, each around one project. An agent sees the project, a home of its own, and the credentials that its image names.',
  common: {},
  start,
  verbs,
  groups,
  examples: [
    ...start.examples,
    { line: 'AI_IMAGE_SOURCE=registry AI_IMAGE_REGISTRY=registry.example.com/ai ai-run codex' },
  ],
  notes: programNotes,
};
