import { lstatSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { pullError } from '../core/engine-error.ts';
import type { EngineInfo } from '../core/engine-info.ts';
import type { Finding } from '../core/finding.ts';
import {
  diskFinding,
  emulationFinding,
  fileFindings,
  type OwnFile,
  registryFinding,
} from '../core/machine-findings.ts';
import type { Settings } from '../core/settings.ts';
import { findEndpoint, incarnation } from '../engine/endpoint.ts';
import { listImages } from '../engine/images.ts';
import { askRegistry } from '../engine/registry.ts';

/** The machine around the engine, as far as it can be seen without rights. */

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Whether the engine runs on this machine's kernel, so that its files and emulators are those that can be seen here. */
const isHere = ({ kind, kernel }: EngineInfo): boolean => {
  const endpoint = findEndpoint();
  const own = readText('/proc/sys/kernel/osrelease')?.trim();
  return (
    endpoint !== undefined &&
    incarnation(endpoint) !== undefined &&
    kind !== 'Docker Desktop' &&
    kernel === own
  );
};

export const emulation = (settings: Settings, engine: EngineInfo): Finding => {
  const other = engine.platform === 'linux/amd64' ? 'aarch64' : 'x86_64';
  const handler = isHere(engine) ? readText(`/proc/sys/fs/binfmt_misc/qemu-${other}`) : 'unseen';
  return emulationFinding(settings.platform, engine.platform, handler);
};

export const disk = (engine: EngineInfo): Finding => {
  const { storage } = engine;
  if (storage === undefined || !isHere(engine)) return diskFinding(storage, undefined);
  try {
    const { bavail, bsize } = statfsSync(storage);
    return diskFinding(storage, bavail * bsize);
  } catch {
    return diskFinding(storage, undefined);
  }
};

const own: readonly (readonly [name: string, expected: 'folder' | 'file'])[] = [
  ['.ai-env', 'file'],
  ['.ai-workspaces', 'file'],
  ['.ai-home', 'folder'],
  ['.ai-cache', 'folder'],
  ['.ai-run', 'folder'],
];

export const files = (home: string): readonly Finding[] =>
  fileFindings(
    own.flatMap(([name, expected]) => {
      const found = lstatSync(join(home, name), { throwIfNoEntry: false });
      if (found === undefined) return [];
      const kind: OwnFile['kind'] = found.isDirectory()
        ? 'folder'
        : found.isFile()
          ? 'file'
          : found.isSymbolicLink()
            ? 'symlink'
            : 'other';
      return [{ file: { name: `~/${name}`, kind, uid: found.uid, mode: found.mode }, expected }];
    }),
    process.getuid?.() ?? 0,
  );

/** Asks for an image that was pulled from there, or else for the one that every registry of a bakery has. */
export const registry = async (settings: Settings): Promise<Finding> => {
  if (settings.source === 'local') return registryFinding(settings, '', undefined);
  const pulled = (await listImages().catch(() => [])).find(
    (one) => one.registry === settings.registry,
  );
  const image = pulled?.image ?? `${settings.registry}/ai-base:base`;
  const answer = await askRegistry(image);
  if (answer.state === 'unknown') {
    return {
      check: 'registry',
      status: 'warning',
      found: `${settings.registry} was not asked: docker has no buildx`,
      hint: 'install the buildx plugin of docker',
    };
  }
  return registryFinding(
    settings,
    image,
    answer.state === 'found' ? undefined : pullError(answer.reason, image, settings.platform),
  );
};
