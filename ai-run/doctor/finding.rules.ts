/** The findings of doctor, and their text. */

import type { ErrorCode } from '@ai-bakery/kernel/error-codes.ts';
import { formatTable } from '@ai-bakery/kernel/table.ts';
import { printable } from '@ai-bakery/kernel/text.ts';

/** The result of a check. */
export type Finding = {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly found: string;
  /** The code of the error that the check met. */
  readonly code?: ErrorCode;
  /** The remedy. */
  readonly hint?: string;
};

export function ok(check: string, found: string): Finding {
  return { check, status: 'ok', found };
}

export function warning(check: string, found: string, hint: string): Finding {
  return {
    check,
    status: 'warning',
    found,
    hint,
  };
}

export function failed(check: string, found: string, hint: string, code?: ErrorCode): Finding {
  return {
    check,
    status: 'failed',
    found,
    ...(code === undefined ? {} : { code }),
    hint,
  };
}

/** Formats one line for each check, with the hint below it if there is one. */
export function formatFindings(findings: readonly Finding[]): string {
  const lines = formatTable(
    findings.map(({ check, status, found }) => [status, check, found]),
  ).split('\n');
  return findings
    .flatMap(({ hint }, at) => [
      lines[at] ?? '',
      ...(hint === undefined ? [] : [`         ${printable(hint).replaceAll('\n', ' ')}`]),
    ])
    .join('\n');
}
