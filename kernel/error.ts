/** A failure that the user can act on; anything else that reaches `main` is a bug. Never prints, never exits. */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** Stable, documented, e.g. `E_NO_ENGINE`. */
  readonly code: string;
  /** What to do, as one sentence or command. */
  readonly hint: string | undefined;
  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** What a caught value says; anything can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
