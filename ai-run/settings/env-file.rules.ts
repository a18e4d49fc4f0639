import { UserError } from '@ai-bakery/kernel/error.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import type { Variables } from '@ai-bakery/kernel/variable.ts';

type Read = { readonly value: string } | { readonly mistake: string };

/** As many as a terminal shows at once: a file of something else has one on every line. */
const shown = 10;

/**
 * The variables of a file of `NAME=value` lines, with `#` comment lines and an `export ` that is ignored. A value may
 * stand in single or double quotes; nothing in it is expanded, in either of them.
 * @param path names the file in messages; values and what may be one never stand there.
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
    { hint: 'write one NAME=value a line, like OPENAI_API_KEY=…; nothing in it is expanded' },
  );
}

/** What stands behind `=`. A reader would have to guess what is refused here; no two programs guess alike. */
function readValue(raw: string): Read {
  if (printable(raw) !== raw) return { mistake: 'the value holds a control character' };
  const quote = raw[0];
  if (quote !== '"' && quote !== "'") {
    return /(^|\s)#/.test(raw)
      ? { mistake: 'quote a value that holds " #", and give a comment a line of its own' }
      : { value: raw };
  }
  const end = raw.indexOf(quote, 1);
  if (end === -1) return { mistake: 'the quote is not closed on its line' };
  return /^(\s+#.*)?$/.test(raw.slice(end + 1))
    ? { value: raw.slice(1, end) }
    : { mistake: 'something stands behind the closing quote' };
}
