import { readFile, writeFile } from 'node:fs/promises';
import type { Entry } from './fault-proxy.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { type Moment, moments } from './killer.ts';

/** The counts over all runs, from which docs/reliability.md is made. */
export type Figures = {
  readonly seed: number;
  runs: number;
  /** Killed runs, by the moment. */
  readonly kills: Map<Moment['name'], number>;
  /** Runs that were not killed, and those of them that ended well with all their faults. */
  survivors: number;
  succeeded: number;
  readonly faults: Map<FaultKind, number>;
  requests: number;
  tokens: number;
  tagsMoved: number;
  tagsRead: number;
  tagsWrong: number;
  bodiesHashed: number;
  converged: number;
  layersBuilt: number;
  layersRebuilt: number;
  writesAfterwards: number;
  sent: number;
  received: number;
  seconds: number;
};

export const openFigures = (seed: number): Figures => ({
  seed,
  runs: 0,
  kills: new Map(),
  survivors: 0,
  succeeded: 0,
  faults: new Map(),
  requests: 0,
  tokens: 0,
  tagsMoved: 0,
  tagsRead: 0,
  tagsWrong: 0,
  bodiesHashed: 0,
  converged: 0,
  layersBuilt: 0,
  layersRebuilt: 0,
  writesAfterwards: 0,
  sent: 0,
  received: 0,
  seconds: 0,
});

export const count = <Key>(counts: Map<Key, number>, key: Key): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

export const countRequests = (figures: Figures, entries: readonly Entry[]): void => {
  for (const { about, fault, sent, received } of entries) {
    if (fault !== undefined) count(figures.faults, fault);
    figures.requests += 1;
    figures.tokens += about === 'token' ? 1 : 0;
    figures.sent += sent;
    figures.received += received;
  }
};

const number = (value: number): string => value.toLocaleString('en');
const megabytes = (bytes: number): string => `${number(Math.round(bytes / 1e5) / 10)} MB`;
const sum = (counts: ReadonlyMap<unknown, number>): number =>
  [...counts.values()].reduce((all, one) => all + one, 0);

const table = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const all = [header, ...rows];
  const widths = header.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0, fill)).join(' | ')} |`;
  return [
    line(header),
    line(
      header.map(() => ''),
      '-',
    ),
    ...rows.map((row) => line(row)),
  ].join('\n');
};

/** The figures as docs/reliability.md prints them. */
export const describeFigures = (figures: Figures, date: string): string => {
  const { faults, kills } = figures;
  const rows: [string, string][] = [
    ['publications with faults', number(figures.runs)],
    ['of them killed', number(sum(kills))],
    [
      'of the others, successful in spite of their faults',
      `${figures.succeeded} of ${figures.survivors}`,
    ],
    ['requests to the registry, including those for tokens', number(figures.requests)],
    ['faults', number(sum(faults))],
    ['public tags moved', number(figures.tagsMoved)],
    ['public tags read and followed to their last byte', number(figures.tagsRead)],
    ['of them incomplete, untested or wrong', number(figures.tagsWrong)],
    ['bodies downloaded and hashed', number(figures.bodiesHashed)],
    [
      'repetitions without faults that ended with all tags on the new version',
      `${figures.converged} of ${figures.runs}`,
    ],
    ['layers built', number(figures.layersBuilt)],
    ['layers built again by a repetition', number(figures.layersRebuilt)],
    ['writes by one more publication after that', number(figures.writesAfterwards)],
    ['uploaded, downloaded', `${megabytes(figures.sent)}, ${megabytes(figures.received)}`],
  ];
  return [
    `${date}, seed ${figures.seed}, ${number(Math.round(figures.seconds / 60))} minutes:`,
    table(['figure', 'count'], rows),
    table(
      ['fault', 'times'],
      faultKinds.map((kind) => [kind, number(faults.get(kind) ?? 0)]),
    ),
    table(
      ['killed', 'times'],
      moments.map((moment) => [moment, number(kills.get(moment) ?? 0)]),
    ),
  ].join('\n\n');
};

/** Puts the figures between their marks in a document. */
export const writeFigures = async (path: string, text: string): Promise<void> => {
  const before = await readFile(path, 'utf8');
  const after = before.replace(
    /(<!-- figures -->\n)[\s\S]*(\n<!-- \/figures -->)/,
    (_, start: string, end: string) => `${start}\n${text}\n${end}`,
  );
  if (!after.includes(text)) throw new Error(`${path} has no place for figures`);
  await writeFile(path, after);
};
