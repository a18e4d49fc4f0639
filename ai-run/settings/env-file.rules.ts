/** The syntax of ~/.ai-env: NAME=value lines, without expansion. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import type { Variables } from '@ai-bakery/kernel/variable.ts';

type Read = { readonly value: string } | { readonly mistake: string };

/** Mistakes that are shown: a file of another kind has one on every line, and a terminal shows only so many. */
const shown = 10;

/**
 * Parses a file of `NAME=value` lines, with `#` comment lines and an optional `export `, which is ignored. A value may be in
 * single or double quotes; neither kind expands anything.
 * @param path the file's name for messages, which never contain values or text that may be one.
 * @throws UserError E_ENV_FILE with every mistake, by line.
 */
export function parseEnvFile(text: string, path: string): Variables {
  const lines = new Map<string, number>();
  const values: [string, string][] = [];
  const mistakes: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const number = index + 1;
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const [, name, raw] = /^(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/s.exec(content) ?? [];
    if (name === undefined || raw === undefined) {
      mistakes.push(`line ${number}: expected NAME=value`);
      continue;
    }
    const before = lines.get(name);
    if (before !== undefined) {
      mistakes.push(`line ${number}: ${name}: already set on line ${before}`);
      continue;
    }
    lines.set(name, number);
    const read = readValue(raw);
    if ('mistake' in read) mistakes.push(`line ${number}: ${name}: ${read.mistake}`);
    else values.push([name, read.value]);
  }
  if (mistakes.length === 0) return Object.fromEntries(values);
  const rest = mistakes.length - shown;
  throw new UserError(
    'E_ENV_FILE',
    [
      `${path} cannot be read:`,
      ...mistakes.slice(0, shown),
      ...(rest > 0 ? [`and ${rest} more`] : []),
    ].join('\n  '),
    { hint: 'write one NAME=value per line, like OPENAI_API_KEY=…; values are not expanded' },
  );
}

/** Parses the text after `=`. Ambiguous text is refused, because programs differ in its meaning. */
function readValue(raw: string): Read {
  if (printable(raw) !== raw) return { mistake: 'the value contains a control character' };
  const quote = raw[0];
  if (quote !== '"' && quote !== "'") {
    return /(^|\s)#/.test(raw)
      ? { mistake: 'quote a value that contains " #", and put a comment on a line of its own' }
      : { value: raw };
  }
  const end = raw.indexOf(quote, 1);
  if (end === -1) return { mistake: 'the quote is not closed on its line' };
  return /^(\s+#.*)?$/.test(raw.slice(end + 1))
    ? { value: raw.slice(1, end) }
    : { mistake: 'unexpected text after the closing quote' };
}
