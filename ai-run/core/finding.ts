import { formatTable } from './table.ts';
import { printable } from './text.ts';

/** What one check of `doctor` found. */
export type Finding = {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly found: string;
  /** What to do about it. */
  readonly hint?: string;
};

export const ok = (check: string, found: string): Finding => ({ check, status: 'ok', found });
export const warning = (check: string, found: string, hint: string): Finding => ({
  check,
  status: 'warning',
  found,
  hint,
});
export const failed = (check: string, found: string, hint: string): Finding => ({
  check,
  status: 'failed',
  found,
  hint,
});

/** One line per check, and below those that are not well what to do. */
export const formatFindings = (findings: readonly Finding[]): string => {
  const lines = formatTable(
    findings.map(({ check, status, found }) => [status, check, found]),
  ).split('\n');
  return findings
    .flatMap(({ hint }, at) => [
      lines[at] ?? '',
      ...(hint === undefined ? [] : [`         ${printable(hint).replaceAll('\n', ' ')}`]),
    ])
    .join('\n');
};
