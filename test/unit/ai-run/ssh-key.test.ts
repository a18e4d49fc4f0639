import { describe, expect, test } from 'vitest';
import { isKeyName, keyKind } from '../../../ai-run/keys/key-name.rules.ts';

/** The beginning of a key as ssh-keygen writes it; no key follows. */
const openssh = (cipher: string): string => {
  const length = String.fromCharCode(0, 0, 0, cipher.length);
  const body = btoa(`openssh-key-v1\0${length}${cipher}${'\0'.repeat(64)}`);
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.replaceAll(/.{40}/g, '$&\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
};
const pem = (kind: string, headers = ''): string =>
  `-----BEGIN ${kind}PRIVATE KEY-----\n${headers}MIIE\n-----END ${kind}PRIVATE KEY-----\n`;

describe('a file of ~/.ssh', () => {
  test.each([
    ['OpenSSH', openssh('none'), 'key'],
    ['OpenSSH with CRLF', openssh('none').replaceAll('\n', '\r\n'), 'key'],
    ['OpenSSH, protected', openssh('aes256-ctr'), 'passphrase'],
    ['PEM', pem('RSA '), 'key'],
    [
      'PEM, protected',
      pem('RSA ', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n'),
      'passphrase',
    ],
    ['PKCS #8', pem(''), 'key'],
    ['PKCS #8, protected', pem('ENCRYPTED '), 'passphrase'],
    ['a public key', 'ssh-ed25519 AAAA me@here\n', 'no key'],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIE\n', 'no key'],
    ['known_hosts', 'example.com ssh-ed25519 AAAA\n', 'no key'],
    ['OpenSSH that is cut off', openssh('none').slice(0, 60), 'no key'],
    ['nothing', '', 'no key'],
  ])('%s', (_, text, kind) => {
    expect(keyKind(text)).toBe(kind);
  });
});

test.each([
  ['id_ed25519', true],
  ['work@host', true],
  ['a.pem', true],
  ['', false],
  ['.', false],
  ['..', false],
  ['../id', false],
  ['a/b', false],
  ['-i', false],
  ['a b', false],
  ['a,b', false],
  ['a\n', false],
])('the name %j of a key: %s', (name, expected) => {
  expect(isKeyName(name)).toBe(expected);
});
