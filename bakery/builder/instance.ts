/** Inspects the builder instance of docker buildx. */

import { deniedFile } from '@ai-bakery/kernel/denied-file.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { run } from '../host/exec.ts';

/** A builder instance of `docker buildx`. */
export type Instance = {
  /** As in `docker buildx ls`. */
  readonly name: string;
  /** `0.29.1` */
  readonly buildx: string;
  readonly driver: string;
  /** Platforms that it can execute, natively or emulated. */
  readonly platforms: readonly string[];
};

/** Before this, a tag could for a moment point at a single platform's manifest (docker/buildx#2955). */
const oldest = [0, 22] as const;

/** Whether the engine itself builds: it has the engine's images, and cannot push without a tag. */
export function isEngine({ driver }: Instance): boolean {
  return driver === 'docker';
}

/**
 * Inspects a builder instance.
 * @param name default: the instance that buildx has selected.
 * @throws UserError E_NO_BUILDX if buildx is missing or too old, E_NO_BUILDER if the instance does not answer.
 */
export async function inspectInstance(signal?: AbortSignal, name?: string): Promise<Instance> {
  const options = { timeout: 60_000, ...(signal === undefined ? {} : { signal }) };
  const version = await run({ file: 'docker', args: ['buildx', 'version'] }, options);
  const buildx = /\bv?(\d+)\.(\d+)\.(\d+)/.exec(version.stdout);
  if (version.exitCode !== 0 || buildx === null) {
    throw new UserError('E_NO_BUILDX', 'docker has no buildx plugin', {
      hint: 'install docker-buildx (docker-buildx-plugin in Docker’s own packages)',
    });
  }
  if (Number(buildx[1]) === oldest[0] && Number(buildx[2]) < oldest[1]) {
    throw new UserError('E_NO_BUILDX', `buildx ${buildx[0]} is too old`, {
      hint: `install buildx ${oldest.join('.')} or newer`,
    });
  }
  const args = ['buildx', 'inspect', ...(name === undefined ? [] : [name])];
  const inspected = await run({ file: 'docker', args }, options);
  const problem = valueOf(inspected.stdout, 'Error') || inspected.stderr.trim();
  if (inspected.exitCode !== 0 || valueOf(inspected.stdout, 'Error') !== '') {
    const unreadable = deniedFile(problem);
    if (unreadable !== undefined) throw unreadable;
    throw new UserError('E_NO_BUILDER', `the buildx builder does not answer: ${problem}`, {
      hint: 'look at `docker buildx ls`, and choose one with `docker buildx use`',
    });
  }
  return {
    name: valueOf(inspected.stdout, 'Name'),
    buildx: buildx.slice(1).join('.'),
    driver: valueOf(inspected.stdout, 'Driver'),
    platforms: valueOf(inspected.stdout, 'Platforms')
      .split(',')
      .map((platform) => platform.trim().replace('*', '')),
  };
}

function valueOf(text: string, key: string): string {
  return new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
}
