/** The contracts of images that were found valid, kept by image id for the next start. */

import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Contract } from '@ai-bakery/kernel/contract.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { architecture, type Platform } from '@ai-bakery/kernel/platform.ts';
import { writeAtomic } from '../host/write-atomic.ts';

/**
 * Startup trick `kept-contract`: the content of `~/.ai-run/images/<id>-<architecture>`. An image's id never changes its
 * meaning, so the check need not be repeated. The folder is the user's own, and agents cannot reach it.
 */
type Known = {
  readonly validator: string;
  readonly engine: string | undefined;
  readonly contract: Contract;
};

/** An image by its id, on one platform. */
export type Identity = {
  /** `sha256:…` */
  readonly id: string;
  readonly platform: Platform;
  /** The engine's address: another engine may have the same image for other platforms. */
  readonly engine: string | undefined;
};

/** Returns the contract of an image that was found valid before. */
export function recallContract(userHome: string, image: Identity): Contract | undefined {
  try {
    const known = parseJson(readFileSync(pathOf(userHome, image), 'utf8'), knownOf);
    const holds = known?.validator === thisValidator() && known.engine === image.engine;
    return holds ? known.contract : undefined;
  } catch {
    return undefined;
  }
}

/** Records that an image is valid. Best effort, because the next start can check it again. */
export function keepContract(userHome: string, image: Identity, contract: Contract): void {
  const path = pathOf(userHome, image);
  const known: Known = { validator: thisValidator(), engine: image.engine, contract };
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeAtomic(path, JSON.stringify(known));
  } catch {
    // Other code reports a full disk.
  }
}

/** Checks by hand what was validated before it was written: zod would cost the start that this trick saves. */
function knownOf(value: unknown): Known | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the checks below follow
  const known = value as Partial<Known> | null;
  const { agent, command } = known?.contract ?? {};
  const holds =
    typeof known?.validator === 'string' &&
    typeof agent === 'string' &&
    Array.isArray(command) &&
    command.every((word) => typeof word === 'string');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `keepContract` wrote it from a valid contract
  return holds ? (known as Known) : undefined;
}

function pathOf(userHome: string, { id, platform }: Identity): string {
  return join(
    userHome,
    '.ai-run/images',
    `${id.replace(/^sha256:/, '')}-${architecture(platform)}`,
  );
}

/** Identifies the code that validated: another build of ai-run may be stricter. In a checkout, the validator is another file. */
function thisValidator(): string {
  return [import.meta.filename, join(import.meta.dirname, '../../kernel/contract.ts')]
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return `${path} ${found?.mtimeMs} ${found?.size}`;
    })
    .join(', ');
}
