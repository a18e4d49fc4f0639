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
    'a folder per agent and project; files that the contract does not name are removed after the session',
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

const header = ['part', 'default'] as const;
const width = (at: 0 | 1): number => Math.max(...[header, ...policy].map((row) => row[at].length));
const line = ([what, usual]: readonly [string, string], fill = ' '): string =>
  `| ${what.padEnd(width(0), fill)} | ${usual.padEnd(width(1), fill)} |`;

const policyText = `${[line(header), line(['', ''], '-'), ...policy.map((row) => line(row))].join('\n')}

Every widening takes an explicit flag, or a line of the project's \`.ai-run.yaml\` that you have approved, and is printed on standard error.`;

const missing = `- The agent reaches the network unless \`--network none\` is given, and can send away everything it can read.
- The agent changes the project, which is its task. Files that it leaves there can run when you build, test or open the project.
- Masks hide the files that exist when a session starts. If two sessions work in one project at the same time, an agent can move a
  folder with a masked file out of the next session's sight; ai-run reports that.
- A folder that holds a masked file is a mount of its own, so that it stays in place: renames into or out of it are copies (\`mv\`)
  or fail (EXDEV, \`git mv\`), as between disks.
- The agent can read an SSH key that it is given: give one that opens only repositories the agent may change. Logins of git over
  HTTPS are not carried in; \`--env\` can name a token.
- A hole in the kernel or in runc is a way out of every container; \`--gvisor\` adds a second barrier.`;

/**
 * docs/security.md: each attempt and its outcome.
 * @param outcomes by attempt: the outcome under the policy, and the one without the guard.
 */
export const report = (
  vectors: readonly { readonly attempt: string; readonly guard: string }[],
  outcomes: ReadonlyMap<string, readonly string[]>,
): string => `# Security

ai-run starts an agent under a policy that denies everything that can be denied. This page is written by
\`npm run test:escape -- --update\`, which tries every way out twice in a real agent's image: under the whole policy, which must
stop it, and with its one guard off, which must let it succeed. An attempt that never succeeds proves nothing.

## The policy

${policyText}

## Limits

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

/** The README with the policy and its limits between its markers. */
export const withSecurity = (readme: string, attempts: number): string =>
  readme.replace(
    /(?<=<!-- security -->\n).*(?=<!-- \/security -->)/s,
    () => `
${policyText}

Limits:

${missing}

[docs/security.md](docs/security.md) lists the ${attempts} ways out that \`npm run test:escape\` tries: each fails under the policy, and
succeeds with its guard off.

`,
  );
