/** The facts about the machine around the engine, as far as an ordinary user can read them. */

import { lstatSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { pullError } from '../engine/engine-error.rules.ts';
import type { EngineInfo } from '../engine/engine-info.rules.ts';
import type { Finding } from './finding.rules.ts';
import {
  diskFinding,
  emulationFinding,
  fileFindings,
  type OwnFile,
  registryFinding,
} from './machine-findings.rules.ts';
import type { Settings } from '../settings/settings.rules.ts';
import { findEndpoint, incarnation } from '../engine/endpoint.ts';
import { listImages } from '../image/listed.ts';
import { askRegistry } from '../image/registry.ts';

const ownFiles: readonly (readonly [name: string, expected: 'folder' | 'file'])[] = [
  ['.ai-env', 'file'],
  ['.ai-workspaces', 'file'],
  ['.ai-home', 'folder'],
  ['.ai-cache', 'folder'],
  ['.ai-run', 'folder'],
];

export function emulation(settings: Settings, engine: EngineInfo): Finding {
  const other = engine.platform === 'linux/amd64' ? 'aarch64' : 'x86_64';
  const handler = isHere(engine) ? readText(`/proc/sys/fs/binfmt_misc/qemu-${other}`) : 'unseen';
  return emulationFinding(settings.platform, engine.platform, handler);
}

export function disk(engine: EngineInfo): Finding {
  const { storage } = engine;
  if (storage === undefined || !isHere(engine)) return diskFinding(storage, undefined);
  try {
    const { bavail, bsize } = statfsSync(storage);
    return diskFinding(storage, bavail * bsize);
  } catch {
    return diskFinding(storage, undefined);
  }
}

export function files(home: string): readonly Finding[] {
  return fileFindings(
    ownFiles.flatMap(([name, expected]) => {
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
}

/** Checks the registry with an image that was pulled from it, or with the one that every bakery publishes. */
export async function registry(settings: Settings): Promise<Finding> {
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
      found: `${settings.registry} was not checked: docker has no buildx`,
      hint: 'install the buildx plugin of docker',
    };
  }
  return registryFinding(
    settings,
    image,
    answer.state === 'found' ? undefined : pullError(answer.reason, image, settings.platform),
  );
}

/** Whether the engine runs on this machine's kernel, so that its files and emulators are visible here. */
function isHere({ kind, kernel }: EngineInfo): boolean {
  const endpoint = findEndpoint();
  const release = readText('/proc/sys/kernel/osrelease')?.trim();
  return (
    endpoint !== undefined &&
    incarnation(endpoint) !== undefined &&
    kind !== 'Docker Desktop' &&
    kernel === release
  );
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
