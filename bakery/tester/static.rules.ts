/** Checks of an image's files and configuration, without running it. */

import { z } from 'zod';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { Contract } from '@ai-bakery/kernel/contract.ts';
import { contractLabel } from '@ai-bakery/kernel/image.ts';
import { architecture, type Platform } from '@ai-bakery/kernel/platform.ts';
import type { TestResult } from './judge.rules.ts';
import { keyLabel } from '../plan/plan.rules.ts';

/** One entry of a layer's tar. */
const Entry = z.object({
  /** Without leading or trailing slash; the root itself is ``. */
  path: z.string(),
  type: z.enum(['file', 'directory', 'symlink', 'link', 'other']),
  /** Permission bits, e.g. 0o755. */
  mode: z.number(),
  uid: z.number(),
  gid: z.number(),
  /** Bytes. */
  size: z.number(),
  /** ELF header's e_machine of a file that is an ELF file. System V ABI, ELF header. */
  machine: z.number().optional(),
});

export type Entry = z.infer<typeof Entry>;

export const Entries = z.array(Entry);

/** The parts of an image on one platform that are checked without running it. */
export type StaticSubject = {
  readonly platform: Platform;
  readonly key: string;
  readonly command: string;
  readonly config: {
    readonly architecture: string;
    readonly user: string;
    readonly entrypoint: readonly string[];
    readonly env: readonly string[];
    readonly labels: Readonly<Record<string, string>>;
  };
  /** The base's layers as one listing: the last entry of a path counts. */
  readonly base: ReadonlyMap<string, Entry>;
  /** The bakery's own layers, bottom first, each with its size limit in MB unpacked. */
  readonly own: readonly {
    readonly name: string;
    readonly entries: readonly Entry[];
    readonly budget: number;
  }[];
};

const machines: Readonly<Record<Platform, number>> = { 'linux/amd64': 62, 'linux/arm64': 183 };

const leftovers =
  /^(root|home|tmp|run)\/.|(^|\/)_logs\/.*-debug-\d+\.log$|(^|\/)\.git-credentials$|(^|\/)_cacache\//;

const rules: readonly (readonly [string, string, (subject: StaticSubject) => string[]])[] = [
  ['parents', 'folders of the base keep their mode and owner', parents],
  ['architecture', 'every program and library is for the platform', foreignElf],
  ['modes', 'root owns every file, none is setuid or writable for everyone', modes],
  ['leftovers', 'no caches, logs, credentials or proxies', secrets],
  ['size', 'every layer is within its budget', size],
  ['config', 'user, entrypoint, PATH, contract and input key are as planned', configuration],
];

/** @param milliseconds the time that reading the files and the configuration took. */
export function checkStatic(subject: StaticSubject, milliseconds: number): TestResult[] {
  return rules.map(([name, expected, rule], at) => {
    const wrong = rule(subject);
    return {
      name,
      status: wrong.length === 0 ? 'passed' : 'failed',
      subject: 'files and configuration',
      ...(wrong.length === 0 ? {} : { expected, seen: summary(wrong) }),
      // They are read once, for the first rule.
      milliseconds: at === 0 ? milliseconds : 0,
    };
  });
}

function summary(lines: readonly string[]): string {
  return [
    ...lines.slice(0, 10),
    ...(lines.length > 10 ? [`… and ${lines.length - 10} more`] : []),
  ].join('\n');
}

function size({ own }: StaticSubject): string[] {
  return own.flatMap(({ name, entries, budget }) => {
    const megabytes = entries.reduce((sum, entry) => sum + entry.size, 0) / 1e6;
    return megabytes <= budget
      ? []
      : [`${name} has ${megabytes.toFixed(0)} MB, budget ${budget} MB`];
  });
}

function configuration({ config: seen, platform, command, key }: StaticSubject): string[] {
  const path = seen.env.find((variable) => variable.startsWith('PATH=')) ?? '';
  const label = seen.labels[contractLabel] ?? '';
  const contract = parseJson(label, Contract) !== undefined;
  return [
    ...(seen.architecture === architecture(platform) ? [] : [`architecture ${seen.architecture}`]),
    ...(seen.user === 'node' ? [] : [`user ${JSON.stringify(seen.user)}`]),
    ...(JSON.stringify(seen.entrypoint) === JSON.stringify([command])
      ? []
      : [`entrypoint ${JSON.stringify(seen.entrypoint)}`]),
    ...(path.startsWith('PATH=/opt/agent/bin:') ? [] : [path]),
    ...(contract ? [] : [`label ${contractLabel} ${label}`]),
    ...(seen.labels[keyLabel] === key ? [] : [`label ${keyLabel} ${seen.labels[keyLabel]}`]),
  ];
}

/** Linking a layer writes its parent folders anew: they must equal the base's, or the base is damaged. */
function parents({ own, base }: StaticSubject): string[] {
  return own.flatMap(({ entries }) =>
    entries.flatMap((entry): string[] => {
      const through = ancestors(entry.path).find((path) => base.get(path)?.type === 'symlink');
      if (through !== undefined) return [`/${entry.path} replaces the symlink /${through}`];
      const before = base.get(entry.path);
      if (before === undefined) return [];
      if ((before.type === 'directory') !== (entry.type === 'directory')) {
        return [`/${entry.path} is a ${entry.type}, was a ${before.type}`];
      }
      if (entry.type !== 'directory') return [];
      return before.mode === entry.mode && owner(before) === owner(entry)
        ? []
        : [
            `/${entry.path} is ${octal(entry.mode)} ${owner(entry)}, was ${octal(before.mode)} ${owner(before)}`,
          ];
    }),
  );
}

function owner({ uid, gid }: Entry): string {
  return `${uid}:${gid}`;
}

/**
 * All files of an agent must be for the platform. A runtime may contain objects for others, as Go's cross compiler does,
 * but not among its programs and libraries.
 */
function foreignElf({ own, platform }: StaticSubject): string[] {
  return own.flatMap(({ entries }) =>
    entries
      .filter(({ machine }) => machine !== undefined && machine !== machines[platform])
      .filter(({ path }) => path.startsWith('opt/agent/') || /(^|\/)bin\/|\.so(\.|$)/.test(path))
      .map(({ path, machine }) => `/${path} is for ELF machine ${machine}`),
  );
}

function modes({ own }: StaticSubject): string[] {
  return own.flatMap(({ entries }) =>
    entries.flatMap(({ path, type, mode, uid, gid }): string[] => {
      if (type === 'other') return [`/${path} is a device or a pipe`];
      if (type === 'symlink' || type === 'link') return [];
      if ((mode & 0o6000) !== 0) return [`/${path} is setuid or setgid`];
      if ((mode & 0o002) !== 0) return [`/${path} is writable for everyone`];
      return uid === 0 && gid === 0 ? [] : [`/${path} belongs to ${uid}:${gid}`];
    }),
  );
}

function secrets({ own, config }: StaticSubject): string[] {
  return [
    ...own.flatMap(({ entries }) =>
      entries
        .filter(
          ({ path }) =>
            leftovers.test(path) ||
            (/(^|\/)\.npmrc$/.test(path) && !path.includes('node_modules/')),
        )
        .map(({ path }) => `/${path}`),
    ),
    ...config.env
      .map((variable) => variable.split('=')[0] ?? '')
      .filter((name) => /(TOKEN|SECRET|PASSWORD|API_KEY|_PROXY)$/i.test(name))
      .map((name) => `variable ${name}`),
  ];
}

function ancestors(path: string): string[] {
  return path
    .split('/')
    .slice(0, -1)
    .map((_, at, parts) => parts.slice(0, at + 1).join('/'));
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
