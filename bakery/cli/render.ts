/** The verb `render`: Dockerfiles, or one bake file, that build without the bakery. */

import { join, relative } from 'node:path';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { buildInputs, openCheckout, planCells } from '../catalogue/checkout.ts';
import { attestOf } from '../builder/attest.rules.ts';
import { bakeFile } from '../builder/bake-file.rules.ts';
import { select } from '../plan/matrix.rules.ts';
import { writeAtomic } from '../host/write.ts';
import {
  type CommonFlags,
  print,
  printJson,
  registryOf,
  type SelectionFlags,
  selectionOf,
} from './flags.ts';
import type { VerbFlags } from './verb-flags.rules.ts';

export async function render(
  flags: CommonFlags & SelectionFlags & VerbFlags<'render'>,
): Promise<number> {
  const checkout = await openCheckout(flags.root);
  const { images } = planCells(checkout, select(checkout.catalogue, selectionOf(flags)).cells);
  if (flags.bake === true) {
    const created = new Date().toISOString();
    const output =
      flags.registry === undefined
        ? ({ to: 'engine' } as const)
        : ({
            to: 'registry',
            registry: registryOf(flags.registry),
            created,
            attest: attestOf({}, checkout.settings),
          } as const);
    // Contexts are named from the working directory, where buildx will look for them.
    const here = relative('.', checkout.root);
    const moved = images.map((image) => ({ ...image, context: join(here, image.context) }));
    printJson(bakeFile(moved, output, buildInputs(checkout)));
    return 0;
  }
  if (flags.out !== undefined) {
    for (const { reference, dockerfile } of images) {
      const path = join(flags.out, `${reference.replace(':', '.')}.Dockerfile`);
      await writeAtomic(path, dockerfile);
      print(path);
    }
    return 0;
  }
  const [image, second] = images;
  if (image === undefined || second !== undefined) {
    throw new UserError(
      'E_USAGE',
      `this names ${images.length} images: choose one to print, or a folder with --out`,
      {
        hint: 'bakery render claude --runtime base',
      },
    );
  }
  process.stdout.write(image.dockerfile);
  return 0;
}
