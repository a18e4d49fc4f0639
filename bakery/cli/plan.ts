import { openCheckout, planCells, subjectsOf } from '../catalogue/checkout.ts';
import { select } from '../plan/matrix.rules.ts';
import { look } from '../publisher/look.ts';
import { readSigning } from '../publisher/read-signatures.ts';
import { openRegistry } from '../registry/registry.ts';
import { table } from '../host/format.ts';
import {
  type CommonFlags,
  print,
  printJson,
  registryOf,
  type SelectionFlags,
  selectionOf,
} from './flags.ts';

export type PlanFlags = { readonly registry?: string };

export async function plan(flags: CommonFlags & SelectionFlags & PlanFlags): Promise<number> {
  const where = flags.registry === undefined ? undefined : registryOf(flags.registry);
  const checkout = await openCheckout(flags.root);
  const { cells, leftOut } = select(checkout.catalogue, selectionOf(flags));
  const planned = planCells(checkout, cells);
  const { runtimes } = checkout.catalogue;
  const seen =
    where === undefined
      ? undefined
      : await look(
          openRegistry(flags.signal),
          where,
          subjectsOf(planned, cells),
          runtimes,
          false,
          readSigning(checkout),
        );
  /** By image id: what is missing in the registry; nothing where it is up to date. */
  const missing = new Map([
    ...(seen?.orders ?? []).map(({ subject, changes }) => [subject.image.id, changes] as const),
    ...(seen?.unseen ?? []).map(
      ({ subject, error }) => [subject.image.id, [error.message]] as const,
    ),
  ]);
  const exitCode = (seen?.unseen ?? []).length === 0 ? 0 : 1;
  if (flags.json === true) {
    const images = planned.images.map((image) => {
      const changes = missing.get(image.id);
      return changes === undefined
        ? image
        : { ...image, published: { upToDate: changes.length === 0, changes } };
    });
    printJson({ ...planned, images, leftOut });
    return exitCode;
  }
  const state = (id: string): string => {
    const changes = missing.get(id) ?? [];
    return changes.length === 0 ? 'up to date' : changes.join('; ');
  };
  print(
    [
      table(
        ['LAYER', 'KEY'],
        planned.layers.map(({ id, key }) => [id, short(key)]),
      ),
      '',
      table(
        ['IMAGE', 'PLATFORMS', 'KEY', ...(where === undefined ? [] : [`IN ${where}`])],
        planned.images.map(({ id, reference, platforms, key }) => [
          reference,
          platforms.join(', '),
          short(key),
          ...(where === undefined ? [] : [state(id)]),
        ]),
      ),
      '',
      ...leftOut.map(
        ({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`,
      ),
      `${planned.layers.length} layers, ${planned.images.length} images`,
    ].join('\n'),
  );
  return exitCode;
}

function short(digest: string): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12);
}
