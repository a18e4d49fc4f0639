const escaped = (text: string): string => text.replaceAll('|', '\\|');

const policy: readonly (readonly [what: string, usual: string])[] = [
  ['capabilities', 'none (`--cap-drop=ALL`), and no new privileges'],
  ['user', "the caller's uid and gid, never root"],
  ['root filesystem', 'read-only; `--writable-root` widens it'],
  ['/tmp', 'a tmpfs of 1 GiB, `nosuid`, `nodev`'],
  [
    'memory, cpus, pids',
    '4 GiB and no swap, 2, 1024; `--memory`, `--cpus`, `--pids` widen or narrow them',
  ],
  [
    'project',
    'the only folder mounted, at its own path; `--mount` adds one; `~/.ai-workspaces` lists what may be shared',
  ],
  ['secrets in it', 'masked: `.env`, keys, tokens; `--no-mask` shows them'],
  ['.git', "a repository of the agent's own; `ai-run git fetch` brings back what it commits"],
  [
    'home',
    'a folder per agent and project; what the contract does not name is removed after the session',
  ],
  ['network', 'bridge; `--network none` narrows it, `--join` names another'],
  ['system calls', "Docker's seccomp profile; `--gvisor` puts another kernel in between"],
  [
    'credentials',
    "those that the image's contract names, and those named by `--env`; values are never arguments",
  ],
  [
    'SSH keys',
    'none; `--ssh-key` and `~/.ai-git-allowed` give copies of chosen ones, never an SSH agent',
  ],
  [
    'your own settings',
    'none; `--with-config` copies those that the contract lists, and nothing that can run something',
  ],
  ['Docker socket', "never; nor devices, nor the machine's pid, ipc or network namespaces"],
];

const header = ['what', 'default'] as const;
const width = (at: 0 | 1): number => Math.max(...[header, ...policy].map((row) => row[at].length));
const line = ([what, usual]: readonly [string, string], fill = ' '): string =>
  `| ${what.padEnd(width(0), fill)} | ${usual.padEnd(width(1), fill)} |`;

const policyText = `${[line(header), line(['', ''], '-'), ...policy.map((row) => line(row))].join('\n')}

Every widening takes an explicit flag, or a line of the project's \`.ai-run.yaml\` that you have approved, and is said on standard error.`;

const missing = `- The agent reaches the network unless \`--network none\` is given: what it can read it can send away.
- It changes the project: that is its task. What it leaves there can run when you build, test or open the project.
- Masks hide what is there when a session starts. Where two sessions work in one project at a time, an agent can move a folder
  that holds a masked file to where the next session does not look; ai-run says so when it is so.
- A folder that holds a masked file is a mount of its own, so that it stays where it is: what is renamed into or out of it is
  copied (\`mv\`) or refused (EXDEV, \`git mv\`), as between disks.
- An SSH key that it is given it can read: give one that opens only what the agent may change. Logins of git over HTTPS are not
  carried in; a token can be named by \`--env\`.
- A hole in the kernel or in runc is a way out of every container; \`--gvisor\` makes it a longer one.`;

/**
 * docs/security.md: what was tried and what became of it.
 * @param outcomes by attempt, what was seen under the policy and without the guard.
 */
export const report = (
  vectors: readonly { readonly attempt: string; readonly guard: string }[],
  outcomes: ReadonlyMap<string, readonly string[]>,
): string => `# Security

ai-run starts an agent under a policy that denies everything that can be denied. This page is written by
\`npm run test:escape -- --update\`, which tries every way out twice in a real agent's image: under the whole policy, where it must
fail, and with the one thing off that guards it, where it must succeed. What it cannot do at all proves nothing.

## The policy

${policyText}

## What it does not do

${missing}

## Ways out

| attempt | guard | under the policy | without the guard |
| --- | --- | --- | --- |
${vectors
  .map(
    ({ attempt, guard }) =>
      `| ${escaped(attempt)} | ${escaped(guard)} | ${(outcomes.get(attempt) ?? []).join(' | ')} |`,
  )
  .join('\n')}
`;

/** The README with the policy, and what it does not do, between its markers. */
export const withSecurity = (readme: string, attempts: number): string =>
  readme.replace(
    /(?<=<!-- security -->\n).*(?=<!-- \/security -->)/s,
    () => `
${policyText}

What it does not do:

${missing}

[docs/security.md](docs/security.md) has the ${attempts} ways out that are tried, each under the policy, where it fails, and with its guard
off, where it succeeds: \`npm run test:escape\`.

`,
  );
