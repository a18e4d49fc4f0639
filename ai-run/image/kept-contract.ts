import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Contract } from '@ai-bakery/kernel/contract.ts';
import { architecture, type Platform } from '@ai-bakery/kernel/platform.ts';
import { writeWhole } from '../host/write-whole.ts';

/**
 * Images that were found fit to run, with their contracts: `~/.ai-run/images/<digest>-<architecture>`. Finding that out takes
 * longer than a start may, and a digest says it once and for all. The folder is the user's own, and no agent's.
 */
type Known = {
  readonly validator: string;
  readonly engine: string | undefined;
  readonly contract: Contract;
};

/** An image by its identity, on one platform. */
export type Identity = {
  /** `sha256:…` */
  readonly id: string;
  readonly platform: Platform;
  /** Where it is: another engine may have the same image for other platforms. */
  readonly engine: string | undefined;
};

/** The contract of an image that was found fit before. */
export function recallContract(userHome: string, image: Identity): Contract | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was written from one
    const known = JSON.parse(readFileSync(pathOf(userHome, image), 'utf8')) as Known;
    const holds = known.validator === thisValidator() && known.engine === image.engine;
    return holds ? known.contract : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers that an image is fit. Never fails: the next start finds it out again. */
export function keepContract(userHome: string, image: Identity, contract: Contract): void {
  const path = pathOf(userHome, image);
  const known: Known = { validator: thisValidator(), engine: image.engine, contract };
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeWhole(path, JSON.stringify(known));
  } catch {
    // A full disk is for others to report.
  }
}

function pathOf(userHome: string, { id, platform }: Identity): string {
  return join(
    userHome,
    '.ai-run/images',
    `${id.replace(/^sha256:/, '')}-${architecture(platform)}`,
  );
}

/** Who found it fit: another build of ai-run may demand more. In a checkout, what validates is a file of its own. */
function thisValidator(): string {
  return [import.meta.filename, join(import.meta.dirname, '../../kernel/contract.ts')]
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return `${path} ${found?.mtimeMs} ${found?.size}`;
    })
    .join(', ');
}
