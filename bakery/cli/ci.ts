import { stringify } from 'yaml';
import { openCheckout, planCells, selectLocked, subjectsOf } from '../catalogue/checkout.ts';
import { pipeline } from '../pipeline/pipeline.rules.ts';
import { layersFor } from '../plan/plan.rules.ts';
import { writeAtomic } from '../host/write.ts';
import { missingLayers } from '../publisher/layers.ts';
import { look } from '../publisher/look.ts';
import { readSigning } from '../publisher/read-signatures.ts';
import { openRegistry } from '../registry/registry.ts';
import {
  type CommonFlags,
  print,
  printJson,
  registryOf,
  type SelectionFlags,
  selectionOf,
  stepOf,
} from './flags.ts';

export type CiFlags = {
  readonly registry: string;
  readonly until?: string;
  readonly output?: string;
};

/**
 * Prints, or writes, the pipeline that brings a registry up to date.
 * @throws UserError of the registry where it cannot be read in part: what is unknown would be left out silently.
 */
export async function ci(flags: CommonFlags & SelectionFlags & CiFlags): Promise<number> {
  const registry = registryOf(flags.registry);
  const until = stepOf('--until', flags.until, 'promote');
  const checkout = await openCheckout(flags.root);
  const selection = selectionOf(flags);
  const { cells } = selectLocked(checkout, selection);
  const plan = planCells(checkout, cells);
  const client = openRegistry(flags.signal);
  const { orders, unseen } = await look(
    client,
    registry,
    subjectsOf(plan, cells),
    checkout.catalogue.runtimes,
    false,
    readSigning(checkout),
  );
  const [hidden] = unseen;
  if (hidden !== undefined) throw hidden.error;
  const images = orders.map(({ subject: { image }, need }) => ({ image, need }));
  const toBuild = images.filter(({ need }) => need.step === 'build').map(({ image }) => image);
  const needed = layersFor(plan, toBuild);
  const layers = (await missingLayers(needed, registry, client, false)).map(({ layer }) => layer);
  const settings = checkout.settings.ci ?? {};
  const result = pipeline({ layers, images }, { registry, selection, until, settings });
  const text = stringify(result, { lineWidth: 0, aliasDuplicateObjects: false });
  if (flags.output !== undefined) await writeAtomic(flags.output, text);
  if (flags.json === true) printJson(result);
  else if (flags.output === undefined) process.stdout.write(text);
  else print(flags.output);
  return 0;
}
