import type { BuildReport, ImageReport } from '../core/report.ts';
import { paint } from '../report.ts';

const indent = (text: string): string => text.replaceAll(/^/gm, '  ');

/** Every build and every check that failed, with what is needed to see why. */
export const describeFaults = (
  layers: BuildReport['layers'],
  images: readonly ImageReport[],
): string[] => [
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
