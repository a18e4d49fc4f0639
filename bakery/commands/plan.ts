import { openCheckout, planCells } from '../checkout.ts';
import { select } from '../core/matrix.ts';
import { table } from '../report.ts';
import { type CommonFlags, print, printJson, type SelectionFlags, selectionOf } from './flags.ts';

const short = (digest: string): string => digest.slice('sha256:'.length, 'sha256:'.length + 12);

export const plan = async (flags: CommonFlags & SelectionFlags): Promise<number> => {
  const checkout = await openCheckout(flags.root);
  const { cells, leftOut } = select(checkout.catalogue, selectionOf(flags));
  const planned = planCells(checkout, cells);
  if (flags.json === true) {
    printJson({ ...planned, leftOut });
    return 0;
  }
  print(
    [
      table(
        ['LAYER', 'KEY'],
        planned.layers.map(({ id, key }) => [id, short(key)]),
      ),
      '',
      table(
        ['IMAGE', 'PLATFORMS', 'KEY'],
        planned.images.map(({ reference, platforms, key }) => [
          reference,
          platforms.join(', '),
          short(key),
        ]),
      ),
      '',
      ...leftOut.map(
        ({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`,
      ),
      `${planned.layers.length} layers, ${planned.images.length} images`,
    ].join('\n'),
  );
  return 0;
};
