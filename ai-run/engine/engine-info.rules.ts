/** An engine's description of itself, as far as it matters to a sandbox. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import * as z from 'zod/mini';

export type EngineInfo = {
  readonly kind: 'Docker Engine' | 'Docker Desktop' | 'Podman';
  readonly version: string;
  readonly client: string;
  /** The version of Docker Desktop, if the engine is part of it. */
  readonly desktop?: string;
  readonly runc?: string;
  /** Whether containers run as the engine's user, whose files belong to root inside. */
  readonly rootless: boolean;
  /** Whether `userns-remap` is set, which maps each uid of a container to another one outside. */
  readonly remapped: boolean;
  /** The name of the seccomp profile; absent if system calls are not filtered. */
  readonly seccomp?: string;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  readonly cgroup?: string;
  /** The limits that it cannot enforce. */
  readonly unlimited: readonly ('memory' | 'pids' | 'cpus')[];
  /** Names of its OCI runtimes. */
  readonly runtimes: readonly string[];
  /** Authorization plugins in front of its API. */
  readonly authorization: readonly string[];
  /** `linux/amd64` */
  readonly platform?: string;
  readonly kernel?: string;
  /** Its folder for images, on its own machine. */
  readonly storage?: string;
  readonly warnings: readonly string[];
};

const text = z.nullish(z.string());

const flag = z.nullish(z.boolean());

const texts = z.nullish(z.array(z.string()));

/** The output of `docker version --format={{json .}}`: docs.docker.com/reference/api/engine, SystemVersion. */
const Version = z.object({
  Client: z.nullish(z.object({ Version: text })),
  Server: z.nullish(
    z.object({
      Version: text,
      Platform: z.nullish(z.object({ Name: text })),
      Components: z.nullish(z.array(z.object({ Name: text, Version: text }))),
    }),
  ),
});

/** The output of `docker info --format={{json .}}`: docs.docker.com/reference/api/engine, SystemInfo. */
const Info = z.object({
  SecurityOptions: texts,
  ServerVersion: text,
  ClientInfo: z.nullish(z.object({ Version: text })),
  OperatingSystem: text,
  OSType: text,
  Architecture: text,
  KernelVersion: text,
  CgroupVersion: text,
  MemoryLimit: flag,
  PidsLimit: flag,
  CpuCfsQuota: flag,
  CPUCfsQuota: flag,
  Runtimes: z.nullish(z.record(z.string(), z.unknown())),
  Plugins: z.nullish(z.object({ Authorization: texts })),
  DockerRootDir: text,
  RuncCommit: z.nullish(z.object({ ID: text })),
  Warnings: texts,
});

const architectures: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
};

/** Returns the client's version, which `docker info` contains even without an engine. */
export function clientOf(info: unknown): string | undefined {
  return Info.safeParse(info).data?.ClientInfo?.Version ?? undefined;
}

/**
 * Parses the JSON of `docker version` and `docker info`.
 * @param version lists the engine's components; may be undefined, because some rootless engines do not answer it.
 * @throws UserError E_ANSWER for an invalid answer to `docker info`.
 */
export function parseEngine(version: unknown, info: unknown): EngineInfo {
  const { Client, Server } = Version.safeParse(version).data ?? {};
  const said = Info.safeParse(info).data;
  if (said === undefined)
    throw new UserError('E_ANSWER', 'unexpected answer from docker info: its fields are unknown');
  const parts = new Map((Server?.Components ?? []).map(({ Name, Version: is }) => [Name, is]));
  const security = securityOf(said.SecurityOptions ?? []);
  const podman = parts.get('Podman Engine');
  const desktop = /^Docker Desktop (\S+)/.exec(Server?.Platform?.Name ?? '')?.[1];
  const isDesktop = desktop !== undefined || said.OperatingSystem?.startsWith('Docker Desktop');
  const runc = versionIn(
    parts.get('runc') ?? parts.get('OCI Runtime (runc)') ?? said.RuncCommit?.ID,
  );
  const uids = uidsOf(said, security);
  const limits = [
    ['memory', said.MemoryLimit],
    ['pids', said.PidsLimit],
    ['cpus', said.CpuCfsQuota ?? said.CPUCfsQuota],
  ] as const;
  const optional = {
    desktop,
    runc,
    seccomp: security.get('seccomp'),
    cgroup: said.CgroupVersion,
    platform:
      said.OSType &&
      `${said.OSType}/${architectures[said.Architecture ?? ''] ?? said.Architecture}`,
    kernel: said.KernelVersion,
    storage: said.DockerRootDir,
  };
  return {
    kind: podman == null ? (isDesktop === true ? 'Docker Desktop' : 'Docker Engine') : 'Podman',
    version: podman ?? Server?.Version ?? said.ServerVersion ?? 'unknown',
    client: Client?.Version ?? said.ClientInfo?.Version ?? 'unknown',
    rootless: uids === 'rootless',
    remapped: uids === 'remapped',
    apparmor: security.has('apparmor'),
    selinux: security.has('selinux'),
    unlimited: limits.flatMap(([name, works]) => (works === false ? [name] : [])),
    runtimes: Object.keys(said.Runtimes ?? {}),
    authorization: said.Plugins?.Authorization ?? [],
    warnings: said.Warnings ?? [],
    ...Object.fromEntries(
      Object.entries(optional).filter(
        ([, value]) => value !== undefined && value !== null && value !== '',
      ),
    ),
  };
}

/** Parses security options: `name=seccomp,profile=builtin` → seccomp: builtin. */
function securityOf(options: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    options.map((option) => [
      /(?:^|,)name=([^,]*)/.exec(option)?.[1] ?? option,
      /(?:^|,)profile=([^,]*)/.exec(option)?.[1] ?? '',
    ]),
  );
}

/** Returns the version in a text like `1.2.5` or `runc version 1.2.5`; undefined for a bare commit. */
function versionIn(said: string | null | undefined): string | undefined {
  return /^(?:\w+ version )?v?(\d+\.\d+\S*)/.exec(said ?? '')?.[1];
}

/**
 * Returns the meaning of uids in this engine's containers, from the answer to `docker info` alone. Docker Desktop shares
 * files through its virtual machine as the user who started it.
 */
function uidsOf(
  { OperatingSystem }: z.infer<typeof Info>,
  security: ReadonlyMap<string, string>,
): 'same' | 'rootless' | 'remapped' {
  if (OperatingSystem?.startsWith('Docker Desktop') === true) return 'same';
  if (security.has('rootless')) return 'rootless';
  return security.has('userns') ? 'remapped' : 'same';
}
