/** Startup trick `unique-name`: names are made without node:crypto, which takes longer to load. */

/** Returns a name that is unique across processes and time. It is not a secret. */
export function uniqueName(): string {
  return `${process.pid}-${process.hrtime.bigint().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
}
