/** Failed builds and checks of a report, as text for people. */

import type { BuildReport, ImageReport } from '../tester/report.rules.ts';
import { paint } from '../host/format.ts';

/** Lists failed builds with their logs, and failed checks with the expected and the seen result. */
export function describeFaults(
  layers: BuildReport['layers'],
  images: readonly ImageReport[],
): string[] {
  return [
    ...layers.flatMap(({ id, error, log }) =>
      error === undefined ? [] : [`${paint('red', '✖')} ${id} (log: ${log})\n${indent(error)}`],
    ),
    ...images.flatMap((image) =>
      image.results
        .filter(({ status }) => status === 'failed')
        .map(
          ({ name, subject, expected, seen }) =>
            `${paint('red', '✖')} ${image.image} ${image.platform}: ${name}\n${indent(
              `run:      ${subject}\nexpected: ${expected ?? ''}\nseen:     ${seen ?? ''}`,
            )}`,
        ),
    ),
  ];
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
