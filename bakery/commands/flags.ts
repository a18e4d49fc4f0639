import type { Selection } from '../core/matrix.ts';

/** What every verb gets. */
export type CommonFlags = { readonly root: string | undefined; readonly signal: AbortSignal };

export type SelectionFlags = {
  readonly agents: string[];
  readonly runtime?: string[];
  readonly platform?: string[];
  readonly json?: boolean;
};

export const selectionOf = ({
  agents,
  runtime = [],
  platform = [],
}: SelectionFlags): Selection => ({
  agents,
  runtimes: runtime,
  platforms: platform,
});

/** A result for machines, on standard output. */
export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
};
export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
