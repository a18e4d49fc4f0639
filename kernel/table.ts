/** Rows of text as a table with aligned columns. */

import { printable } from './text.ts';

/** Formats rows in columns as wide as their widest cell. Cells may come from images and containers, so each is made printable. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((cell) => printable(cell).replaceAll('\n', ' ')));
  const widths = (clean[0] ?? []).map((_, at) =>
    Math.max(...clean.map((row) => row[at]?.length ?? 0)),
  );
  return clean
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
