import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { formatCommand } from '../../../kernel/command.ts';

describe('a formatted command', () => {
  test.each([
    [
      'plain words',
      ['run', '--rm', 'a=b', 'x@sha256:0', '/a/b,c'],
      'docker run --rm a=b x@sha256:0 /a/b,c',
    ],
    ['a space', ['a b'], "docker 'a b'"],
    ['nothing', [''], "docker ''"],
    ['a single quote', ["it's"], String.raw`docker 'it'\''s'`],
    ['a dollar', ['$HOME'], "docker '$HOME'"],
    ['a tilde', ['~'], "docker '~'"],
  ])('quotes %s', (_, args, text) => {
    expect(formatCommand({ file: 'docker', args })).toBe(text);
  });

  test('never shows values of the environment', () => {
    const text = formatCommand({ file: 'docker', args: ['run'], env: { API_KEY: 'sk-secret' } });
    expect(text).toBe('docker run');
  });

  test('is read back by a POSIX shell word by word', () => {
    const pieces = [
      "'",
      '"',
      '`',
      '$(id)',
      '${HOME}',
      '$x',
      '\\',
      '\n',
      '\t',
      '\r',
      ' ',
      '*',
      '?',
      '[a]',
      '~',
      '#',
      '!',
      '&',
      ';',
      '|',
      '<',
      '>',
      '(',
      ')',
      '{a,b}',
      '=',
      '%',
      '-',
      '--',
      'ü',
      '漢',
      '\u001B[31m',
      '',
      "''",
      '\\n',
      '$',
      '\\\n',
    ];
    const words = pieces.flatMap((first) => [
      first,
      ...pieces.map((second) => `${first}${second}`),
      `x${first}x`,
    ]);
    const text = formatCommand({ file: 'printf', args: [String.raw`%s\0`, ...words] });
    const seen = execFileSync('/bin/sh', ['-s'], { input: text, encoding: 'utf8' });
    expect(seen.split('\0').slice(0, -1)).toEqual(words);
  });
});
