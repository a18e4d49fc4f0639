/** One way out of a session of ai-run, tried with its defaults, and with the one flag that widens them. */
export type SessionVector = {
  readonly attempt: string;
  readonly guard: string;
  /** Run by the agent, a shell, in a project with `.env`, `config/.env`, a repository and a neighbour. Ends with 0 when it succeeds. */
  readonly script: string;
  /** Flags that take the guard away. `{neighbour}` is the folder beside the project. */
  readonly widen: readonly string[];
};

export const sessionVectors: readonly SessionVector[] = [
  {
    attempt: 'read a secret of the project',
    guard: 'secrets are masked',
    script: 'grep -q canary .env',
    widen: ['--no-mask'],
  },
  {
    attempt: 'take the mask off a secret',
    guard: 'masks are mounts',
    script: 'mv .env .env.old && touch .env',
    widen: ['--no-mask'],
  },
  {
    attempt: 'move a secret from under its mask, with the folder that it is in',
    guard: 'the folders of masked files are mounts',
    script: 'mv config node_modules',
    widen: ['--no-mask'],
  },
  {
    attempt: 'plant a hook that git runs on the machine',
    guard: 'shadowed .git',
    script: 'mkdir -p .git/hooks && echo planted > .git/hooks/post-checkout && test -e .git/real',
    widen: ['--git', 'live'],
  },
  {
    attempt: 'put another repository in the place of .git',
    guard: 'shadowed .git',
    script: 'mv .git .git.old && mkdir .git',
    widen: ['--git', 'live'],
  },
  {
    attempt: 'read the project beside its own',
    guard: 'only this project is mounted',
    script: 'cat ../neighbour/file',
    widen: ['--mount', '{neighbour}'],
  },
  {
    attempt: 'read a variable that nobody gave it',
    guard: 'only the contract’s credentials are passed on',
    script: 'test "$E2E_CANARY" = canary',
    widen: ['--env', 'E2E_CANARY'],
  },
  {
    attempt: 'change the image for what comes after',
    guard: 'read-only root filesystem',
    script: 'touch /var/tmp/file',
    widen: ['--writable-root'],
  },
  {
    attempt: 'take more memory than a session has',
    guard: 'memory limit',
    // The second place is that of version 1 of cgroups.
    script:
      'test "$(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null)" -gt 4294967296',
    widen: ['--memory', '6g'],
  },
];
