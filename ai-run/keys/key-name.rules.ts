/** The names and kinds of the files in `~/.ssh`. */

/** Whether a text is a file name that ssh accepts and that fits in a list on one line. */
export function isKeyName(name: string): boolean {
  return /^[A-Za-z0-9_][\w.@+-]{0,127}$/.test(name);
}

/** Classifies a file as a private key, with or without a passphrase, in OpenSSH's format, PKCS #8 or PEM. */
export function keyKind(text: string): 'key' | 'passphrase' | 'no key' {
  const [, format, body = ''] =
    /^-----BEGIN ([A-Z ]*)PRIVATE KEY-----\r?\n([^-]*)/.exec(text) ?? [];
  switch (format?.trim()) {
    case undefined:
      return 'no key';
    case 'OPENSSH': {
      const cipher = cipherOf(body);
      return cipher === undefined ? 'no key' : cipher === 'none' ? 'key' : 'passphrase';
    }
    case 'ENCRYPTED':
      return 'passphrase';
    default:
      // RFC 1421, in OpenSSL's spelling.
      return /^Proc-Type:.*ENCRYPTED/m.test(text) ? 'passphrase' : 'key';
  }
}

/** The cipher of a key in OpenSSH's own format: PROTOCOL.key of openssh-portable. */
function cipherOf(body: string): string | undefined {
  const magic = 'openssh-key-v1\0';
  // The cipher is in the first 60 characters, and every key is longer.
  const bytes = /^[A-Za-z0-9+/]{60}/.exec(body.replaceAll(/\s/g, ''));
  const start = bytes === null ? '' : atob(bytes[0]);
  if (!start.startsWith(magic)) return undefined;
  const length = start.charCodeAt(magic.length + 3);
  return start.slice(magic.length + 4, magic.length + 4 + length);
}
