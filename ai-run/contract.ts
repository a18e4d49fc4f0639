import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contract } from './core/contract.ts';

/**
 * Contracts that were found valid, `~/.ai-run/contracts/<hash>`: loading what validates them takes longer than all else that
 * a start does. The folder is the user's own, and no agent's.
 */

/** By whom: another build of ai-run may demand more. In a checkout, what validates is a file of its own. */
const validator = (): string =>
  [import.meta.filename, join(import.meta.dirname, 'core/contract.ts')]
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return `${path} ${found?.mtimeMs} ${found?.size}`;
    })
    .join('\n');

const keep = (folder: string, name: string, contract: Contract): void => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const made = join(folder, `${name}.${randomUUID()}`);
    writeFileSync(made, JSON.stringify(contract), { mode: 0o600, flag: 'wx' });
    renameSync(made, join(folder, name));
  } catch {
    // The next start validates it again.
  }
};

/**
 * The contract in the label of an image: see `parseContract`.
 * @param userHome the caller's home folder.
 * @throws UserError E_NO_CONTRACT, E_CONTRACT
 */
export const readContract = async (
  label: string | undefined,
  name: string,
  userHome: string,
): Promise<Contract> => {
  const folder = join(userHome, '.ai-run/contracts');
  const key = createHash('sha256')
    .update(`${validator()}\n${label ?? ''}`)
    .digest('hex');
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was written from one
    return JSON.parse(readFileSync(join(folder, key), 'utf8')) as Contract;
  } catch {
    const contract = (await import('./core/contract.ts')).parseContract(label, name);
    keep(folder, key, contract);
    return contract;
  }
};
