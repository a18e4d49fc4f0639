import { describe, expect, test } from 'vitest';
import { parseEnvFile } from '../../../ai-run/settings/env-file.rules.ts';
import { UserError } from '../../../kernel/error.ts';

const parse = (text: string) => parseEnvFile(text, '~/.ai-env');

/** The message about a file with mistakes. */
const complaint = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof UserError && error.code === 'E_ENV_FILE') return error.message;
    throw error;
  }
  throw new Error('it was read');
};

describe('a file of variables', () => {
  test.each<[string, string, Record<string, string>]>([
    ['nothing', '', {}],
    ['comments and empty lines', '# A=1\n\n   \n  # B=2\n', {}],
    ['a plain value', 'A=1', { A: '1' }],
    ['several lines', 'A=1\nB=2\n', { A: '1', B: '2' }],
    ['lower case and digits', 'a_1=x\n_=y', { a_1: 'x', _: 'y' }],
    ['export', 'export A=1\nexport\tB=2', { A: '1', B: '2' }],
    ['a variable named export', 'export=1', { export: '1' }],
    ['spaces around', '  A  =  1  ', { A: '1' }],
    ['an empty value', 'A=\nB=\'\'\nC=""', { A: '', B: '', C: '' }],
    ['single quotes', "A=' b # c '", { A: ' b # c ' }],
    ['double quotes', 'A=" b # c "', { A: ' b # c ' }],
    ['one quote in the other', `A="it's"\nB='say "x"'`, { A: "it's", B: 'say "x"' }],
    ['a comment behind quotes', 'A=\'1\' # one\nB="2"\t#two', { A: '1', B: '2' }],
    ['a hash inside a word', 'A=b#c', { A: 'b#c' }],
    ['equals signs', 'A=b=c==', { A: 'b=c==' }],
    ['spaces inside', 'A=b c', { A: 'b c' }],
    ['JSON', 'A={"token": "x"}', { A: '{"token": "x"}' }],
    ['Windows line ends', 'A=1\r\nB="2"\r\n', { A: '1', B: '2' }],
    [
      'names that every object has',
      'constructor=1\ntoString=2',
      { constructor: '1', toString: '2' },
    ],
    ['letters of all languages', 'A=ключ', { A: 'ключ' }],
  ])('may hold %s', (_, text, values) => {
    expect(Object.entries(parse(text))).toEqual(Object.entries(values));
  });

  test.each([
    '$HOME',
    '${HOME}',
    '$(id)',
    '`id`',
    String.raw`a\nb`,
    String.raw`\\`,
    '~',
    '*',
    '!1',
    '%PATH%',
    '; rm',
    '&& id',
  ])('keeps %j as it is, with and without quotes', (value) => {
    expect(parse(`A=${value}\nB="${value}"\nC='${value}'`)).toEqual({
      A: value,
      B: value,
      C: value,
    });
  });

  test.each([
    ['a word', 'sk-secret', 'line 1: expected NAME=value'],
    ['a name with a hyphen', 'A-B=sk-secret', 'line 1: expected NAME=value'],
    ['a name with a digit first', '1A=sk-secret', 'line 1: expected NAME=value'],
    ['no name', '=sk-secret', 'line 1: expected NAME=value'],
    ['another command', 'source sk-secret', 'line 1: expected NAME=value'],
    ['a command first', 'set A=sk-secret', 'line 1: expected NAME=value'],
    ['an open quote', 'A="sk-secret', 'line 1: A: the quote is not closed on its line'],
    ['a value of two lines', "A='sk-secret\nx'", 'line 1: A: the quote is not closed on its line'],
    [
      'an escaped quote',
      String.raw`A="sk\"secret"`,
      'line 1: A: unexpected text after the closing quote',
    ],
    ['two values', "A='sk'-secret", 'line 1: A: unexpected text after the closing quote'],
    [
      'a hash without a space',
      "A='sk-secret'#x",
      'line 1: A: unexpected text after the closing quote',
    ],
    [
      'what may be a comment',
      'A=sk-secret # x',
      'line 1: A: quote a value that contains " #", and put a comment on a line of its own',
    ],
    [
      'nothing but a comment',
      'A=#sk-secret',
      'line 1: A: quote a value that contains " #", and put a comment on a line of its own',
    ],
    ['a NUL', 'A=sk-secret\0', 'line 1: A: the value contains a control character'],
    [
      'an escape sequence',
      'A="sk-secret\u001B[2J"',
      'line 1: A: the value contains a control character',
    ],
    [
      'a carriage return inside',
      'A=sk\r-secret',
      'line 1: A: the value contains a control character',
    ],
    ['a name twice', 'A=1\n\nA=sk-secret', 'line 3: A: already set on line 1'],
  ])('may not hold %s, and the value is not shown', (_, text, expected) => {
    const message = complaint(text);
    expect(message.split('\n').slice(0, 2)).toEqual(['~/.ai-env cannot be read:', `  ${expected}`]);
    expect(message).not.toMatch(/sk|secret/);
  });

  test('is refused with all mistakes at once', () => {
    expect(complaint('A=1\nb\nC="\n# fine\nA=2').split('\n')).toEqual([
      '~/.ai-env cannot be read:',
      '  line 2: expected NAME=value',
      '  line 3: C: the quote is not closed on its line',
      '  line 5: A: already set on line 1',
    ]);
  });

  test('does not fill the terminal when it is something else', () => {
    const lines = complaint('garbage\n'.repeat(1000)).split('\n');
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toBe('  and 990 more');
  });
});
