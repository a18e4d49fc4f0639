/** The SHA-256 of a text, in hex digits. Loaded when it is called, which few starts do: see files/unique. */
export function sha256(text: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex');
}
