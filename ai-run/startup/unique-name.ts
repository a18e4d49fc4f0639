/** A name that no other process and no other moment has. Not a secret: node:crypto takes longer to load than a start may. */
export function uniqueName(): string {
  return `${process.pid}-${process.hrtime.bigint().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
}
