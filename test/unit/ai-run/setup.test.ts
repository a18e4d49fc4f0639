import { expect, test } from 'vitest';
import { readAgents, readShell } from '../../../ai-run/setup/setup-flags.rules.ts';
import { formatTable } from '../../../kernel/table.ts';

test.each([
  ['claude,gemini', ['claude', 'gemini']],
  [' claude  gemini, claude ', ['claude', 'gemini']],
  ['', []],
])('%j names %j', (text, agents) => {
  expect(readAgents(text)).toEqual(agents);
});

test.each(['claude;rm', "x'y", '$(id)', 'Claude', 'ai-run', '../x'])('%j is no agent', (text) => {
  expect(() => readAgents(text)).toThrow(`not the name of an agent: ${JSON.stringify(text)}`);
});

test.each([
  [undefined, '/usr/bin/zsh', 'zsh'],
  ['fish', '/bin/bash', 'fish'],
])('with --shell %s and $SHELL %s it is %s', (flag, login, shell) => {
  expect(readShell(flag, login)).toBe(shell);
});

test.each([
  [undefined, undefined, 'E_SETUP'],
  [undefined, '/bin/dash', 'E_SETUP'],
  ['csh', '/bin/bash', 'E_USAGE'],
])('with --shell %s and $SHELL %s it is refused', (flag, login, code) => {
  expect(() => readShell(flag, login)).toThrow(expect.objectContaining({ code }) as Error);
});

test('a table is as wide as its cells, and repaints no terminal', () => {
  expect(
    formatTable([
      ['A', 'B'],
      ['\u001b[2Jlonger', 'x\ny'],
    ]),
  ).toBe('A       B\nlonger  x y');
  expect(formatTable([])).toBe('');
});
