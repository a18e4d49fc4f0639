/** Questions to the user, on the terminal. */

import { createInterface } from 'node:readline';
import { isatty } from 'node:tty';

/** Puts a question to the user and returns one of the answers; undefined if the input ends first. */
export type Ask = <Answer extends string>(
  question: string,
  answers: readonly Answer[],
) => Promise<Answer | undefined>;

/** Asks on these streams until a line is an answer or the start of exactly one answer. */
export function askOn(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Ask {
  return async (question, answers) => {
    // Lines only, never raw keys: everything after the answer is input of the agent.
    const lines = createInterface({ input, terminal: false });
    const prompt = (): boolean => output.write(`${question} [${answers.join('/')}] `);
    try {
      prompt();
      for await (const line of lines) {
        const word = line.trim().toLowerCase();
        const meant = answers.filter((answer) => word !== '' && answer.startsWith(word));
        if (meant.length === 1) return meant[0];
        prompt();
      }
      return undefined;
    } finally {
      lines.close();
    }
  };
}

/** Asks on the terminal, through stderr because stdout may be redirected; undefined without a terminal. */
export function askTerminal(): Ask | undefined {
  // Startup trick `isatty`: `process.stdin.isTTY` would open a stream that few starts need.
  return isatty(0) && isatty(2) ? askOn(process.stdin, process.stderr) : undefined;
}
