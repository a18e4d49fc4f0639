/** The verb `completion` of a program's table: both programs have the same one. */

import type { Verb } from './commands.ts';
import { shells } from './completion-script.ts';

/** Returns the verb for the program of this name. */
export function completionVerb(program: string) {
  return {
    summary: 'print the completion script of a shell',
    words: [{ name: 'shell', help: shells.join(', '), optional: true, choices: shells }],
    flags: {
      words: {
        type: 'boolean',
        help: 'print the words that can follow those after --',
        forScripts: true,
      },
    },
    rest: {
      name: 'words',
      help: `a command line without \`${program}\`; its last word is being typed`,
    },
    examples: [
      { line: `eval "$(${program} completion bash)"`, note: 'zsh: the same' },
      { line: `${program} completion fish | source` },
    ],
  } as const satisfies Verb;
}
