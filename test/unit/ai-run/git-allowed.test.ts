import { describe, expect, test } from 'vitest';
import { allowedLine, parseAllowed } from '../../../ai-run/keys/allowed.rules.ts';

describe('~/.ai-git-allowed', () => {
  test('names keys and a workspace on each line, and the last one holds', () => {
    const text = '# mine\n\nwork,home /p/a b: "c"\nold /p/x\nnew_1 /p/x';
    // A quote cannot be mounted, so it cannot be a workspace.
    expect(() => parseAllowed(text)).toThrow('line 3');
    expect(parseAllowed(text.replaceAll('"', "'"))).toEqual(
      new Map([
        ["/p/a b: 'c'", ['work', 'home']],
        ['/p/x', ['new_1']],
      ]),
    );
  });

  test.each([
    '/p/x',
    'work p/x',
    'work',
    'work  /p/x',
    '../work /p/x',
    '/etc/key /p/x',
    'work, /p/x',
    ',work /p/x',
    '-oX /p/x',
    '.hidden /p/x',
    'a\u001b[2J /p/x',
    'work /p/x\r',
    'work /p/\0x',
  ])('refuses the line %j', (line) => {
    expect(() => parseAllowed(`ok /p/ok\n${line}\n`)).toThrow(
      expect.objectContaining({
        code: 'E_GIT_ALLOWED',
        message: expect.stringContaining(`line 2: expected keys and a path`) as string,
      }),
    );
  });

  test.each([
    ['', '/p/x', 'work /p/x\n'],
    ['old /p\n', '/p/x', 'work /p/x\n'],
    ['old /p', '/p/x', '\nwork /p/x\n'],
    ['', "/p/$(x) 'y', #z", "work /p/$(x) 'y', #z\n"],
  ])('after %j, %j is appended and read back', (text, path, line) => {
    expect(allowedLine(text, path, ['work'])).toBe(line);
    expect(parseAllowed(text + line).get(path)).toEqual(['work']);
  });

  test.each(['/p/x\nall /', '/p\r', '/p\0', '/p"'])('takes no folder %j', (path) => {
    expect(() => allowedLine('', path, ['work'])).toThrow('cannot be stored in');
  });
});
