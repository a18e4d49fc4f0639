import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contract } from './core/contract.ts';
import { uniqueName } from './files/unique.ts';

/**
 * Contracts that were found valid, `~/.ai-run/contracts/<digest of the image>`: loading what validates them takes longer than
 * a start may. The folder is the user's own, and no agent's.
 */
type Known = {
  readonly validator: string;
  readonly label: string;
  readonly contract: Contract;
};

/** By whom: another build of ai-run may demand more. In a checkout, what validates is a file of its own. */
const thisValidator = (): string =>
  [import.meta.filename, join(import.meta.dirname, 'core/contract.ts')]
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return `${path} ${found?.mtimeMs} ${found?.size}`;
    })
    .join(', ');

const recall = (path: string): Known | undefined => {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was written from one
    return JSON.parse(readFileSync(path, 'utf8')) as Known;
  } catch {
    return undefined;
  }
};

const keep = (path: string, known: Known): void => {
  const made = `${path}.${uniqueName()}`;
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(made, JSON.stringify(known), { mode: 0o600, flag: 'wx' });
    renameSync(made, path);
  } catch {
    // The next start validates it again.
  }
};

export type Labelled = {
  /** Of the image, `sha256:…`. */
  readonly id: string;
  /** For messages. */
  readonly name: string;
  /** The text of its label `ai-run.contract`. */
  readonly label: string | undefined;
};

/**
 * The contract in the label of an image: see `parseContract`.
 * @param userHome the caller's home folder.
 * @throws UserError E_NO_CONTRACT, E_CONTRACT
 */
export const readContract = async (
  { id, name, label }: Labelled,
  userHome: string,
): Promise<Contract> => {
  const path = join(userHome, '.ai-run/contracts', id.replace(/^sha256:/, ''));
  const validator = thisValidator();
  const known = recall(path);
  if (known?.validator === validator && known.label === label) return known.contract;
  const contract = (await import('./core/contract.ts')).parseContract(label, name);
  keep(path, { validator, label: label ?? '', contract });
  return contract;
};
