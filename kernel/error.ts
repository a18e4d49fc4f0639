/** Failures that the user can act on, each with a code of the table. */

import type { ErrorCode } from './error-codes.ts';

/** A failure that the user can act on; any other error that reaches `main` is a bug. Never prints, never exits. */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** Stable, printed, and documented in docs/errors.md, e.g. `E_NO_ENGINE`. */
  readonly code: ErrorCode;
  /** The remedy, as one sentence or command. */
  readonly hint: string | undefined;
  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Returns the message of a caught value; any value can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
