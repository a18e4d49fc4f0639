/** Whether a text is a file name that can be given to ssh and written on a line beside others. */
export function isKeyName(name: string): boolean {
  return /^[A-Za-z0-9_][\w.@+-]{0,127}$/.test(name);
}

/** What a file is to ssh: a private key, one that needs a passphrase, or none. OpenSSH's format, PKCS #8 and PEM. */
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
      // RFC 1421, as OpenSSL writes it.
      return /^Proc-Type:.*ENCRYPTED/m.test(text) ? 'passphrase' : 'key';
  }
}

/** The cipher of a key in OpenSSH's own format: PROTOCOL.key of openssh-portable. */
function cipherOf(body: string): string | undefined {
  const magic = 'openssh-key-v1\0';
  // The beginning is enough, and a key is longer than this.
  const bytes = /^[A-Za-z0-9+/]{60}/.exec(body.replaceAll(/\s/g, ''));
  const start = bytes === null ? '' : atob(bytes[0]);
  if (!start.startsWith(magic)) return undefined;
  const length = start.charCodeAt(magic.length + 3);
  return start.slice(magic.length + 4, magic.length + 4 + length);
}
