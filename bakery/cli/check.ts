/** The verb `check`: reads all definitions, renders every Dockerfile, and reports known faults of the rendered text. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { openCheckout, planCells } from '../catalogue/checkout.ts';
import { lintDockerfile } from '../templates/lint.rules.ts';
import { select } from '../plan/matrix.rules.ts';
import { type CommonFlags, print, printJson, type SelectionFlags, selectionOf } from './flags.ts';

export async function check(flags: CommonFlags & SelectionFlags): Promise<number> {
  const checkout = await openCheckout(flags.root);
  const { cells, leftOut } = select(checkout.catalogue, selectionOf(flags));
  const { images } = planCells(checkout, cells);
  const issues = images.flatMap(({ reference, dockerfile }) =>
    lintDockerfile(dockerfile).map((issue) => ({ image: reference, ...issue })),
  );
  if (flags.json === true) {
    printJson({ images: images.length, leftOut, issues });
    return issues.length === 0 ? 0 : 1;
  }
  if (issues.length > 0) {
    throw new UserError(
      'E_LINT',
      issues
        .map(({ image, line, rule, message }) => `${image}: line ${line}: ${rule}: ${message}`)
        .join('\n'),
      {
        hint: 'bakery render prints the text; the line comes from a template in runtimes/ or bakery/templates/',
      },
    );
  }
  for (const { agent, platform, reason } of leftOut) {
    print(`${agent}: not locked for ${platform}: ${reason}`);
  }
  const { agents, runtimes } = checkout.catalogue;
  print(
    `${agents.length} agents, ${runtimes.length} runtimes, ${images.length} Dockerfiles: all in order`,
  );
  return 0;
}
