/** Longer texts of ai-run's help: files, environment, the project's file, masks, signatures, commits. */

import type { Group, Note } from '@ai-bakery/kernel/commands.ts';

export const programNotes: readonly Note[] = [
  {
    title: 'Exit codes',
    text: "the agent's own; 1 it could not be started; 2 wrong usage; 128 + n ended by signal n.",
  },
];

export const startNotes: readonly Note[] = [
  {
    title: 'Project',
    text: '.ai-run.yaml in the shared folder holds the settings of its sessions; flags override it. Its keys: runtime, memory, cpus, pids, network, join, git, gvisor and writable-root (true or false), and the lists mask, unmask (patterns), env (names) and mounts (path or path:ro, relative to this folder). A setting that allows more than the defaults is asked about in a terminal, once and after each change. The agent cannot change the file of a running session.',
  },
  {
    title: 'Masks',
    text: 'AI_RUN_MASK hides more, AI_RUN_UNMASK shows hidden files: patterns separated by blanks or commas. *.pem is a file in any folder, private/ a folder, config/prod.yml a path; * and ? match within a name. .ai-run.yaml overrides them.',
  },
  {
    title: 'Files',
    text: '~/.ai-workspaces, folders that may be shared, one a line; ~/.ai-env, settings and credentials as NAME=value, mode 600; ~/.ai-git-allowed, the keys that agents get, "KEY[,KEY] /project" a line, mode 600; ~/.ai-home and ~/.ai-cache, files that agents keep; ~/.ai-home/<agent>/global, files that they start with in a new project; ~/.ai-run, commits of agents, your approvals, and files of setup. An agent prefers settings of the project to those of its home.',
  },
  {
    title: 'Environment',
    text: "AI_IMAGE_SOURCE, AI_IMAGE_REGISTRY (registry/namespace), AI_IMAGE_VERIFY, AI_RUN_PLATFORM, DOCKER_HOST, DOCKER_CONTEXT, and the credentials that the image's contract names. No other variable is passed on.",
  },
  {
    title: 'Signatures',
    text: 'with AI_IMAGE_VERIFY, an image of a registry runs only if cosign verifies its digest, by a public key (/path/of/cosign.pub) or by the identity of a certificate (identity=<name>,issuer=<URL>; identity-regexp, issuer-regexp).',
  },
];

export const groups = {
  git: {
    summary: 'commits of agents',
    about:
      'An agent commits in a copy of the repository that is its own. Its commits are kept until you fetch or drop them.',
    notes: [
      {
        title: 'Your files',
        text: "your branches, your index and your files do not change. The files already are as the agent left them, so a merge would refuse to overwrite them. If your branch has not moved on since, `git reset ai/<session>/<branch>` makes it the agent's commit and leaves the files alone; changes that you had staged become unstaged. Otherwise look at the commits in a folder of their own, with `git worktree add ../review ai/<session>/<branch>`, and merge or cherry-pick there.",
      },
    ],
  },
} as const satisfies Readonly<Record<string, Group>>;
