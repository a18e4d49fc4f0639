import { describe, expect, test } from 'vitest';
import { shells } from '../../../kernel/completion-script.ts';
import { addLine, aliasesOf, aliasText, removeLine } from '../../../ai-run/setup/shell.rules.ts';

const texts: readonly (readonly [string, string | undefined])[] = [
  ['no file', undefined],
  ['an empty file', ''],
  ['a line', 'export A=1\n'],
  ['a line without an end', 'export A=1'],
  ['lines that end like on Windows', 'a\r\nb\r\n'],
  ['such lines without an end', 'a\r\nb'],
  ['blank lines', '\n\n'],
  ['bytes that are no text', 'caf\u00e9\u00ff\u0000\n'],
];

describe.each(shells)('the line for %s', (shell) => {
  test.each(texts)('added to %s and removed leaves what was there', (_, text) => {
    const added = addLine(text, shell);
    expect(added).not.toBe(text);
    expect(removeLine(added, shell)).toBe(text);
  });

  test.each(texts)('is added to %s once', (_, text) => {
    const added = addLine(text, shell);
    expect(addLine(added, shell)).toBe(added);
  });

  test.each(texts)('can be removed from %s when something was added behind it', (_, text) => {
    const old = text ?? '';
    const rest = removeLine(`${addLine(text, shell)}after\n`, shell);
    expect(rest).toBe(`${old}${old === '' || old.endsWith('\n') ? '' : '\n'}after\n`);
  });

  test.each(texts)('can be removed from %s when an editor took the last line break', (_, text) => {
    const trimmed = addLine(text, shell).slice(0, -1);
    expect(removeLine(trimmed, shell)).toBe(text);
    expect(addLine(trimmed, shell)).toBe(trimmed);
  });

  test.each(texts)('can be removed from %s when nothing else is left of it', (_, text) => {
    const added = addLine(text, shell);
    const line = added.slice(added.lastIndexOf('\n', added.length - 2) + 1);
    for (const rest of [line, line.slice(0, -1)])
      expect(removeLine(rest, shell)).toBe(text === undefined ? undefined : '');
  });

  test.each(texts)('can be removed from %s when something was put before it', (_, text) => {
    expect(removeLine(`before\n${addLine(text, shell)}`, shell)).toBe(`before\n${text ?? ''}`);
  });

  test('can be removed where it is more than once', () => {
    const [none, broken] = [addLine('', shell), addLine('a', shell)];
    expect(removeLine(`${broken}${none}`, shell)).toBe('a\n');
    expect(removeLine(`${none}b\n${none.trimEnd()}`, shell)).toBe('b\n');
  });

  test('is a line of its own: one that only looks like it stays', () => {
    const line = addLine('', shell);
    for (const text of [`# ${line}`, line.replace('\n', ' # mine\n'), 'echo # ai-run setup\n'])
      expect(removeLine(text, shell)).toBe(text);
  });
});

test('a file of aliases tells its agents', () => {
  expect(aliasesOf(aliasText('bash', ['claude', 'gemini'], 'ai-run'))).toEqual([
    'claude',
    'gemini',
  ]);
  expect(aliasesOf(aliasText('fish', [], 'ai-run'))).toEqual([]);
  expect(aliasesOf("alias claude='rm -rf /'\n")).toEqual([]);
});

test('aliases start this program where it has no name on PATH', () => {
  const text = aliasText('bash', ['claude'], "/usr/bin/node '/home/me/my tools/ai-run.mjs'");
  expect(text).toContain(`alias ai-run='/usr/bin/node '\\''/home/me/my tools/ai-run.mjs'\\'''\n`);
  expect(text).toContain(`ai-run.mjs'\\'' claude --'\n`);
  expect(aliasText('bash', ['claude'], 'ai-run')).not.toContain('alias ai-run');
});
