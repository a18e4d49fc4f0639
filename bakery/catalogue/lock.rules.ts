/** An agent's lock, read from npm's lock file, PyPI requirements or agent.yaml, and judged for each platform. */

import { valid } from 'semver';
import { z } from 'zod';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { architecture, type Platform } from '@ai-bakery/kernel/platform.ts';
import type { WrittenAgent } from './definition.rules.ts';

/** An agent's lock: its version, and the reason for each declared platform that is not locked. */
export type Lock = {
  readonly version?: string;
  readonly missing: Readonly<Partial<Record<Platform, string>>>;
  /** Faults that make the lock unusable for all platforms, e.g. that it is for another version. */
  readonly issues: readonly { readonly file: string; readonly message: string }[];
};

/** The files beside agent.yaml that belong to its lock, by name. */
export type LockFiles = Readonly<Record<string, string>>;

export const PackageJson = z.looseObject({
  dependencies: z.record(z.string(), z.string()).optional(),
});

const PackageLock = z.looseObject({
  lockfileVersion: z.literal(3),
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      integrity: z.string().optional(),
      /** Inside another package's archive, whose hash covers it. */
      inBundle: z.boolean().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/** npm's names for the architectures. */
const npmArchitecture = { 'linux/amd64': 'x64', 'linux/arm64': 'arm64' } as const;

type Install<Kind> = Extract<WrittenAgent['install'], { kind: Kind }>;

/** Reads an agent's lock out of the files beside its agent.yaml. */
export function readLock({ install, platforms }: WrittenAgent, files: LockFiles): Lock {
  switch (install.kind) {
    case 'npm':
      return npm(install, platforms, files);
    case 'pypi':
      return pypi(install, platforms, files);
    case 'download':
      return download(install, platforms);
  }
}

/** Returns the names of the files that an agent's layer is built from on one platform. */
export function inputFiles({ install }: WrittenAgent, platform: Platform): string[] {
  switch (install.kind) {
    case 'npm':
      return ['package.json', 'package-lock.json'];
    case 'pypi':
      return [`requirements.${architecture(platform)}.txt`];
    case 'download':
      return [];
  }
}

/** npm omits a missing platform package silently, so a platform is locked only if its tree contains the program. */
function npm(install: Install<'npm'>, platforms: readonly Platform[], files: LockFiles): Lock {
  const manifestText = files['package.json'];
  const lockText = files['package-lock.json'];
  if (manifestText === undefined || lockText === undefined) {
    const name = manifestText === undefined ? 'package.json' : 'package-lock.json';
    return { missing: everywhere(platforms, `${name} is missing`), issues: [] };
  }
  const manifest = parseJson(manifestText, PackageJson);
  const dependencies = Object.entries(manifest?.dependencies ?? {});
  const [dependency] = dependencies;
  if (dependency === undefined || dependencies.length !== 1 || valid(dependency[1]) === null) {
    return fault('package.json', 'expected one dependency with an exact version');
  }
  const [name, version] = dependency;
  const lock = parseJson(lockText, PackageLock);
  if (lock === undefined)
    return fault('package-lock.json', 'expected a lock of npm with lockfileVersion 3');
  const locked = lock.packages['']?.dependencies?.[name];
  if (locked !== version) {
    return fault(
      'package-lock.json',
      `is for ${name} ${locked ?? '(none)'}, package.json asks for ${version}: run \`bakery update\``,
    );
  }
  const bare = Object.entries(lock.packages).find(
    ([path, entry]) => path !== '' && !entry.integrity && entry.inBundle !== true,
  );
  if (bare !== undefined) return fault('package-lock.json', `${bare[0]} has no integrity hash`);
  const missing: Partial<Record<Platform, string>> = {};
  for (const platform of platforms) {
    const needed = [install.program ?? `node_modules/${name}`, ...install.requires]
      .map((path) => packageOf(path.replaceAll('{arch}', npmArchitecture[platform])))
      .find((path) => lock.packages[path] === undefined);
    if (needed !== undefined) missing[platform] = `package-lock.json has no ${needed}`;
  }
  return { version, missing, issues: [] };
}

function pypi(install: Install<'pypi'>, platforms: readonly Platform[], files: LockFiles): Lock {
  const missing: Partial<Record<Platform, string>> = {};
  const versions = new Map<string, string>();
  const issues: { file: string; message: string }[] = [];
  for (const platform of platforms) {
    const file = `requirements.${architecture(platform)}.txt`;
    const text = files[file];
    if (text === undefined) {
      missing[platform] = `${file} is missing`;
      continue;
    }
    const entries = text
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => /^[a-z0-9]/i.test(line));
    const option = /^-.*/m.exec(text)?.[0];
    if (option !== undefined) issues.push({ file, message: `has an option: ${option}` });
    const bare = entries.find((line) => !line.includes('--hash=sha256:'));
    if (bare !== undefined) issues.push({ file, message: `${bare.split(' ')[0]} has no hash` });
    const version = entries
      .find((line) => line.startsWith(`${install.package}==`))
      ?.match(/==([^\s;]+)/)?.[1];
    if (version === undefined) issues.push({ file, message: `does not pin ${install.package}` });
    else versions.set(file, version);
  }
  const [version, other] = new Set(versions.values());
  if (other !== undefined) {
    issues.push({
      file: [...versions.keys()].join(', '),
      message: `pin different versions: ${version} and ${other}`,
    });
  }
  return { ...(version === undefined ? {} : { version }), missing, issues };
}

function download(install: Install<'download'>, platforms: readonly Platform[]): Lock {
  const missing: Partial<Record<Platform, string>> = {};
  for (const platform of platforms) {
    const file = install.files[platform];
    if (file === undefined) missing[platform] = 'agent.yaml names no file for it';
    else if (file.sha256 === undefined) missing[platform] = `no sha256 for ${file.url}`;
  }
  return { version: install.version, missing, issues: [] };
}

function everywhere(platforms: readonly Platform[], reason: string): Lock['missing'] {
  return Object.fromEntries(platforms.map((platform) => [platform, reason]));
}

function fault(file: string, message: string): Lock {
  return {
    missing: {},
    issues: [{ file, message }],
  };
}

/** Returns the innermost package that contains a path of the tree: `node_modules/@a/b` of `node_modules/@a/b/bin/c`. */
function packageOf(path: string): string {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path;
}
