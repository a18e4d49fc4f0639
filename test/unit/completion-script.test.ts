import { describe, expect, test } from 'vitest';
import { completionScript } from '../../kernel/completion-script.ts';

/** macOS has bash 3.2, which cannot be had here: its script uses nothing that came later. */
const later: readonly (readonly [string, RegExp])[] = [
  ['4.0: mapfile and readarray', /\b(?:mapfile|readarray)\b/],
  ['4.0: associative arrays', /\b(?:declare|local|typeset) -\w*A/],
  ['4.0: compopt', /\bcompopt\b/],
  ['4.0: changing the case of a value', /\$\{\w+(?:\[[^\]]*\])?(?:\^|,)/],
  ['4.0: |& and &>>', /\|&|&>>/],
  ['4.0: coproc', /\bcoproc\b/],
  ['4.0: globstar', /\bglobstar\b/],
  ['4.1: {fd}> redirection', /\{\w+\}[<>]/],
  ['4.2: [[ -v', /\[\[? -v /],
  ['4.2: negative offsets of arrays', /\[-\d+\]/],
  ['4.3: name references', /\b(?:declare|local|typeset) -\w*n/],
  ['4.4: ${value@Q}', /\$\{[^}]+@[QEPAaUuLKk]\}/],
];

/** Words that a shell would expand a second time, and so run. */
const expanding = /\bcompgen -W\b|\beval\b/;

describe.each(['ai-run', 'bakery'])('the bash script of %s', (program) => {
  const text = completionScript('bash', program);

  test.each(later)('needs nothing of bash %s', (_, pattern) => {
    expect(text).not.toMatch(pattern);
  });

  test('expands no candidate', () => {
    expect(text).not.toMatch(expanding);
  });
});

test('the patterns find what they are for: a script for bash 4', () => {
  const script = [
    'mapfile -t COMPREPLY < <(x)',
    'local -A seen; local -n ref=x',
    'compopt -o nospace',
    'x="${word,,}"; y="${word@Q}"; z="${words[-1]}"',
    'x |& y; coproc x; shopt -s globstar; exec {fd}>x; [[ -v x ]]',
    'compgen -W "$(x)"',
  ].join('\n');
  expect(later.filter(([, pattern]) => !pattern.test(script))).toEqual([]);
  expect(script).toMatch(expanding);
});

test.each(['bash', 'zsh', 'fish'] as const)(
  'the %s script starts the program by its call',
  (shell) => {
    const call = "'/usr/bin/node' '/home/me/my tools/ai-run.mjs'";
    const text = completionScript(shell, 'ai-run', call);
    expect(text).toContain(`command ${call} completion --words -- `);
    expect(text).toMatch(/_ai_run ai-run|-c ai-run/);
  },
);
