/** Startup trick `sha256`: node:crypto is loaded when a hash is needed, which few starts do. */

/** Returns the SHA-256 of a text, in hex digits. */
export function sha256(text: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex');
}
