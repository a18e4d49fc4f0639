/** The verb `ci`: prints the pipeline that carries out a publication. */

import { stringify } from 'yaml';
import { attestOf } from '../builder/attest.rules.ts';
import { planCells, selectLocked } from '../catalogue/checkout.ts';
import { pipeline } from '../pipeline/pipeline.rules.ts';
import { writeAtomic } from '../host/write.ts';
import { readPublication } from '../publisher/look.ts';
import { readScanning } from '../publisher/scan-flags.ts';
import { readSigning } from '../publisher/read-signatures.ts';
import {
  type CommonFlags,
  print,
  printJson,
  registryOf,
  type SelectionFlags,
  selectionOf,
  stepOf,
} from './flags.ts';
import type { VerbFlags } from './verb-flags.rules.ts';
import { openMachine } from './machine.ts';

/**
 * Prints or writes the pipeline.
 * @throws UserError of the registry if one image cannot be read, because the pipeline would lack its jobs.
 */
export async function ci(flags: CommonFlags & SelectionFlags & VerbFlags<'ci'>): Promise<number> {
  const where = registryOf(flags.registry);
  const until = stepOf(flags.until, 'promote');
  const { checkout, registry } = await openMachine(flags);
  const selection = selectionOf(flags);
  const { cells } = selectLocked(checkout, selection);
  const { settings, catalogue } = checkout;
  const publication = await readPublication(
    planCells(checkout, cells),
    catalogue.runtimes,
    registry,
    {
      registry: where,
      from: 'stage',
      until,
      force: false,
      dropPlatforms: false,
      attest: attestOf({}, settings),
      signing: readSigning(checkout),
      scanning: readScanning(checkout, {}),
    },
  );
  const [hidden] = publication.unseen;
  if (hidden !== undefined) throw hidden.error;
  const result = pipeline(publication, { selection, settings: settings.ci ?? {} });
  const text = stringify(result, { lineWidth: 0, aliasDuplicateObjects: false });
  if (flags.output !== undefined) await writeAtomic(flags.output, text);
  if (flags.json === true) printJson(result);
  else if (flags.output === undefined) process.stdout.write(text);
  else print(flags.output);
  return 0;
}
