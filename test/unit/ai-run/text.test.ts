import { describe, expect, test } from 'vitest';
import { printable, redacted } from '../../../kernel/text.ts';

describe('printable text', () => {
  test.each([
    ['colours', '\u001B[1;31mred\u001B[0m', 'red'],
    ['cursor movements', 'a\u001B[2J\u001B[H\u001B[?25lb', 'ab'],
    ['a clipboard write that ends with BEL', 'a\u001B]52;c;ZXZpbA==\u0007b', 'ab'],
    ['a clipboard write that ends with ST', 'a\u001B]52;c;ZXZpbA==\u001B\\b', 'ab'],
    [
      'a link, but not its text',
      '\u001B]8;;https://evil.example\u001B\\here\u001B]8;;\u001B\\',
      'here',
    ],
    ['a window title', '\u001B]0;owned\u0007text', 'text'],
    ['a device control string', 'a\u001BPq#0;2;0;0;0\u001B\\b', 'ab'],
    ['an application program command', 'a\u001B_Gf=100;AAAA\u001B\\b', 'ab'],
    ['a privacy message', 'a\u001B^x\u001B\\b', 'ab'],
    ['a start of string', 'a\u001BXx\u001B\\b', 'ab'],
    ['an operating system command of one character', 'a\u009D52;c;ZXZpbA==\u009Cb', 'ab'],
    ['a device control string of one character', 'a\u0090q\u009Cb', 'ab'],
    ['other C1 controls', 'a\u0085\u008D\u0080b', 'ab'],
    ['a reset', 'a\u001Bcb', 'ab'],
    ['a character set', 'a\u001B(0b', 'ab'],
    ['a carriage return that would overwrite the line', 'error\rok', 'errorok'],
    ['backspaces', 'ab\b\bcd', 'abcd'],
    ['a bell, a form feed and DEL', 'a\u0007\f\u007Fb', 'ab'],
    ['an escape that ends the text', 'a\u001B', 'a'],
    ['a command that never ends', 'a\u001B]52;c;ZXZpbA==', 'a'],
  ])('is without %s', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  test.each(['plain', 'a\tb\nc', 'Grüße, 漢字, 🦦 and é', '[31m', '\u00A0\u00AD', ''])(
    'is %j where that is plain text',
    (text) => {
      expect(printable(text)).toBe(text);
    },
  );

  test('has the line breaks of Unix', () => {
    expect(printable('a\r\nb\r\n')).toBe('a\nb\n');
  });

  test('cannot be put together from the remains of sequences', () => {
    const nested = '\u001B\u001B[0m[2J\u001B]\u001B]0;x\u0007\u0007\u001B[\u001B[0m31m';
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    expect(printable(nested)).not.toMatch(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/);
  });
});

describe('redacted text', () => {
  test.each([
    ['https://user:secret@example.com/x', 'https://***@example.com/x'],
    ['https://token@example.com', 'https://***@example.com'],
    ['HTTP://U:P@proxy:3128 and ftp://a:b@c', 'HTTP://***@proxy:3128 and ftp://***@c'],
    ['\u001B[31mhttps://user:secret@example.com\u001B[0m', 'https://***@example.com'],
    ['https://us\u001B[0mer:secret@example.com', 'https://***@example.com'],
    ['https://user:p@ss@example.com', 'https://***@example.com'],
  ])('%j has no user and password', (text, expected) => {
    expect(redacted(text)).toBe(expected);
  });

  test.each([
    'https://example.com/@scope/package',
    'https://example.com/a?mail=x@y.z',
    'someone@example.com',
    'git@github.com:acme/x.git',
  ])('%s stays as it is', (text) => {
    expect(redacted(text)).toBe(text);
  });
});
