/** Published ways out of a container, by the versions that they affect. */

import type { EngineInfo } from '../engine/engine-info.rules.ts';
import { isFrom, lacks } from '../engine/version.rules.ts';

type Escape = {
  readonly ids: readonly string[];
  readonly component: 'runc' | 'engine' | 'desktop';
  /** The first affected version; absent if all older versions are affected. */
  readonly since?: string;
  /** The first fixed version of each branch. */
  readonly fixed: readonly string[];
  readonly what: string;
  /** Whether it affects an engine (default: all). */
  readonly where?: (engine: EngineInfo) => boolean;
};

/**
 * As published until 2026-11-21. Sources: the advisories of opencontainers/runc and moby/moby on GitHub,
 * docs.docker.com/security/security-announcements, the CVE records.
 */
const escapes: readonly Escape[] = [
  {
    ids: ['CVE-2019-5736'],
    component: 'runc',
    fixed: ['1.0.0-rc7'],
    what: 'a container overwrites runc on the machine',
  },
  {
    ids: ['CVE-2024-21626'],
    component: 'runc',
    since: '1.0.0-rc93',
    fixed: ['1.1.12'],
    what: 'a folder of the machine is left open in the container',
  },
  {
    ids: ['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881'],
    component: 'runc',
    fixed: ['1.2.8', '1.3.3', '1.4.0-rc.3'],
    what: 'an image can write to /proc of the machine',
  },
  {
    ids: ['CVE-2026-41579'],
    component: 'runc',
    fixed: ['1.3.6', '1.4.3', '1.5.0-rc.3'],
    what: 'an image with a symlink for /dev can write a little on the machine',
  },
  {
    ids: ['CVE-2024-41110'],
    component: 'engine',
    fixed: ['23.0.15', '25.0.6', '26.1.5', '27.1.1'],
    what: 'authorization plugins are bypassed',
    where: hasAuthorization,
  },
  {
    ids: ['CVE-2026-34040'],
    component: 'engine',
    fixed: ['29.3.1'],
    what: 'authorization plugins are bypassed',
    where: hasAuthorization,
  },
  {
    ids: ['CVE-2025-9074'],
    component: 'desktop',
    since: '4.25.0',
    fixed: ['4.44.3'],
    what: 'every container reaches the engine',
  },
  {
    ids: ['CVE-2026-112917'],
    component: 'desktop',
    fixed: ['4.98.0'],
    what: 'a container reaches services and files of Windows',
    where: ({ kernel }) => /microsoft|wsl/i.test(kernel ?? ''),
  },
];

export type KnownEscape = Pick<Escape, 'ids' | 'fixed' | 'what'> & {
  readonly component: string;
  readonly version: string;
  /** `perhaps` for a distribution's version, which may contain a fix of its own. */
  readonly patched: 'no' | 'perhaps';
};

const titles = { runc: 'runc', engine: 'Docker Engine', desktop: 'Docker Desktop' } as const;

/** Returns the known escapes that an engine's versions do not fix. */
export function escapesOf(engine: EngineInfo): readonly KnownEscape[] {
  const versions = {
    runc: engine.runc,
    // Podman counts its own versions.
    engine: engine.kind === 'Podman' ? undefined : engine.version,
    desktop: engine.desktop,
  };
  return escapes.flatMap(({ ids, component, since, fixed, what, where }) => {
    const version = versions[component];
    if (version === undefined || !lacks(version, fixed)) return [];
    if (since !== undefined && !isFrom(version, since)) return [];
    if (where?.(engine) === false) return [];
    const patched = isDistributions(version) ? 'perhaps' : 'no';
    return [{ ids, fixed, what, component: titles[component], version, patched }];
  });
}

/** Whether a version is a distribution's: these fix a version without changing its number, and mark it as theirs. */
function isDistributions(version: string): boolean {
  return /[+~](ds|dfsg|deb|git|really)|ubuntu|\.(el|fc|amzn)\d/i.test(version);
}

function hasAuthorization({ authorization }: EngineInfo): boolean {
  return authorization.length > 0;
}
