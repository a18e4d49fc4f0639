/** The schemas of agent.yaml and runtime.yaml. */

import { z } from 'zod';
import { ContractRequest } from '@ai-bakery/kernel/contract.ts';
import { platforms } from '@ai-bakery/kernel/platform.ts';

/** A name that is valid as a folder, an image repository component and a tag. */
export const Name = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, {
    error: 'expected lower-case letters, digits and single . _ - between them, like "php8.4"',
  });

const CommandName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, {
  error: 'expected a command name like "claude"',
});

/**
 * A path inside the agent's tree, e.g. `node_modules/tool-linux-{arch}/bin/tool`. `{arch}` is the platform's
 * architecture and `{otherArch}` the other one, as the package manager spells it (npm: x64, arm64).
 */
const TreePath = z
  .string()
  .regex(/^(?!.*(^|\/)\.[.*]*(\/|$))[A-Za-z0-9@._+*{}-]+(\/[A-Za-z0-9@._+*{}-]+)*$/, {
    error: 'expected a relative path without "..": letters, digits, @._+-* and {arch}',
  });

const regex = z.string().refine(
  (text) => {
    try {
      return new RegExp(text.replaceAll('{version}', '')) instanceof RegExp;
    } catch {
      return false;
    }
  },
  { error: 'expected a regular expression' },
);

/** Text on one line: a Dockerfile has it in a comment. */
const Line = z.string().regex(/^[^\p{Cc}]{1,200}$/u, { error: 'expected one line of text' });

/** One command that runs in the finished image under ai-run's policy, with its expected end and output. */
export const Check = z.strictObject({
  name: z.string().min(1),
  run: z.array(z.string()).min(1),
  exit: z.int().min(0).max(255).default(0),
  /** Regular expressions over the whole output; `{version}` means the locked version, matched literally. */
  stdout: regex.optional(),
  stderr: regex.optional(),
  /** Seconds on a platform that the machine runs natively; ten times as many if it is emulated. */
  timeout: z.int().positive().max(600).default(60),
});

export type Check = z.infer<typeof Check>;

const Environment = z.record(
  z.string().regex(/^[A-Z][A-Z0-9_]*$/),
  z.string().regex(/^[^\n\r"$\\]*$/, { error: 'expected one line without quotes, $ or backslash' }),
);

const NpmInstall = z.strictObject({
  kind: z.literal('npm'),
  /** The program in the tree; without it, `node_modules/.bin/<command>`. */
  program: TreePath.optional(),
  /** Platform packages the agent cannot work without: npm leaves missing ones out silently. */
  requires: z.array(TreePath).default([]),
  /** Paths to delete: parts for other platforms, which no ELF check would let pass. */
  prune: z.array(TreePath).default([]),
  /** Programs that are packed without the right to be executed: npm gives it to a package's `bin` only. */
  executable: z.array(TreePath).default([]),
});

const PypiInstall = z.strictObject({
  kind: z.literal('pypi'),
  package: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
  /** The interpreter it brings along, e.g. `3.11`. */
  python: z.string().regex(/^3\.\d+$/),
  /** The console script that starts it; without it, `<command>`. */
  script: CommandName.optional(),
  prune: z.array(TreePath).default([]),
});

const DownloadInstall = z.strictObject({
  kind: z.literal('download'),
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/),
  /** The archive of each platform. Without a sha256 the platform is not locked. */
  files: z.partialRecord(
    z.enum(platforms),
    z.strictObject({
      url: z.url({ protocol: /^https?$/ }).regex(/^[!-~]+$/),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
    }),
  ),
  /** Leading folders of the archive to leave away, as tar's --strip-components. */
  strip: z.int().min(0).max(4).default(0),
  /** The program in the archive. */
  program: TreePath,
  prune: z.array(TreePath).default([]),
  /** The source of the newest version: the first group of `match` in the text at `url`. */
  latest: z.strictObject({ url: z.url(), match: regex }).optional(),
});

/** The content of `agents/<name>/agent.yaml`. */
export const WrittenAgent = z.strictObject({
  title: Line,
  homepage: z.url(),
  license: Line,
  /** The command users type; also its name in /opt/agent/bin. */
  command: CommandName,
  install: z.discriminatedUnion('kind', [NpmInstall, PypiInstall, DownloadInstall]),
  platforms: z
    .array(z.enum(platforms))
    .min(1)
    .refine((all) => new Set(all).size === all.length, { error: 'names a platform twice' })
    .default([...platforms]),
  /** Baked into the image, e.g. to switch off self-updates. */
  env: Environment.default({}),
  contract: ContractRequest,
  checks: z.array(Check).min(1),
  /** Largest allowed size of the agent's layer, unpacked, in MB (10^6 bytes). */
  budget: z.int().positive(),
});

export type WrittenAgent = z.infer<typeof WrittenAgent>;

/** `host/repository:tag`, always with its registry, so that mirrors and locks have one spelling. */
export const UpstreamReference = z
  .string()
  .regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9]+(?:[._-][a-z0-9]+)*)+:[\w][\w.-]{0,127}$/, {
    error: 'expected registry/repository:tag, like "docker.io/library/golang:1.26-trixie"',
  });

const Folder = z.string().regex(/^(?!.*\/\.\.?(\/|$))(\/[A-Za-z0-9._-]+)+$/, {
  error: 'expected a folder like "/usr/local/go/bin": absolute, without ".."',
});

/** The content of `runtimes/<name>/runtime.yaml`. */
export const WrittenRuntime = z.strictObject({
  title: Line,
  /** The runtime this one adds to, or (exactly one of the two) the upstream image it starts from. */
  extends: Name.optional(),
  from: UpstreamReference.optional(),
  /** Upstream images its Dockerfile.hbs takes files from, by the name the template uses. */
  upstreams: z.record(Name, UpstreamReference).default({}),
  env: Environment.default({}),
  /** Folders put in front of PATH. */
  path: z.array(Folder).default([]),
  checks: z.array(Check).default([]),
  /** Largest allowed size of the runtime's own layer, unpacked, in MB. */
  budget: z.int().positive(),
});

export type WrittenRuntime = z.infer<typeof WrittenRuntime>;
