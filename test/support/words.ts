import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

/** A piece of text that people read: a comment, a message of a program, or a paragraph of a page. */
export type Passage = { readonly line: number; readonly text: string };

/** Opening words of headless clauses: the noun they avoid is the better start. */
const openings = /^(?:What|Who|Whoever|Whatever|Where|Wherever|How|Whose)\b/i;
/** Questions of a program to its user, and links to sections, may open so. */
const isQuestion = (sentence: string): boolean => sentence.endsWith('?');

/** Stock phrases, each with the reason. */
const phrases: readonly (readonly [RegExp, string])[] = [
  [/\bwhere there (?:is|are) none\b/i, '"where there is none": say "if … does not exist"'],
  [/\bthere (?:is|are) none\b/i, '"there is none": say "… does not exist" or "not found"'],
  [/\b(?:says|said|say) of\b/i, '"says of": say "reports", "returns" or "states"'],
  [/\bwhoever\b/i, '"whoever": name the subject'],
  [/\bstands?\b(?!-)/i, '"stands": say "is"'],
  [
    /\b(?:is|are) no(?:ne)?\b(?! (?:longer|more|wider|later|earlier|larger|smaller|fewer|less|one)\b)/i,
    '"is no X": say "is not an X"',
  ],
  [/\b(?:is|are|was|be) said\b/i, '"is said": say "is reported" or "is printed"'],
];

/** The faults of a passage's words, one line each. */
export function wrongWords(text: string): string[] {
  const opens = sentencesOf(text)
    .filter((sentence) => openings.test(sentence) && !isQuestion(sentence))
    .map((sentence) => `opens with "${sentence.split(' ')[0]}"`);
  return [...opens, ...phrases.filter(([pattern]) => pattern.test(text)).map(([, why]) => why)];
}

/** The files that people read, below a checkout. */
export function readableFiles(root: string): string[] {
  const patterns = [
    '{kernel,ai-run,bakery,test,bench,scripts}/**/*.{ts,mjs}',
    '{scripts,.ci}/**/*',
    '{agents,runtimes}/*/*.yaml',
    'bakery/templates/*.hbs',
    'docs/**/*.{md,yml}',
    '*.{md,yml,yaml,ts}',
    '{kernel,ai-run,bakery}/**/README.md',
  ];
  return globSync(patterns, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !/(?:^|\/)(?:dist|node_modules|fixtures)\//.test(path))
    .filter((path) => !path.endsWith('bakery.local.yaml') && !path.endsWith('php.wasm.mjs'))
    .toSorted();
}

/** Every fault of a file's words, as `path:line: fault: text`. */
export function wordFaults(root: string, path: string): string[] {
  return passagesOf(path, readFileSync(join(root, path), 'utf8')).flatMap(({ line, text }) =>
    wrongWords(text).map((why) => `${path}:${line}: ${why}: ${text.replaceAll(/\s+/g, ' ')}`),
  );
}

/** The passages of a file, by its kind. */
export function passagesOf(path: string, text: string): Passage[] {
  if (/\.(?:ts|mjs)$/.test(path)) return ofProgram(path, text);
  if (path.endsWith('.md')) return ofPage(text);
  return ofScript(text);
}

function sentencesOf(text: string): string[] {
  return text
    .replaceAll(/`[^`]*`/g, '`x`')
    .split(/(?<=[.!?])\s+|\n{2,}/)
    .map((one) => one.trim().replace(/^(?:[-*#>|]+|@\w+(?: \w+)?|\d+\.)\s*/, ''))
    .filter((one) => one !== '');
}

/** Comments, and texts of at least three words. Names of tests are not looked at. */
function ofProgram(path: string, text: string): Passage[] {
  const { program, comments } = parseSync(path, text);
  const lineAt = lines(text);
  const found: (Passage & { end: number; kind: string })[] = [];
  for (const { type, value, start, end } of comments) {
    const last = found.at(-1);
    const plain = value.replaceAll(/^\s*\*+ ?/gm, '').trim();
    if (/^(?:oxlint-disable|shellcheck|\/)/.test(plain)) continue;
    const between = last === undefined ? 'x' : text.slice(last.end, start);
    if (
      type === 'Line' &&
      last?.kind === 'Line' &&
      /^\s*$/.test(between) &&
      !between.includes('\n\n')
    )
      found[found.length - 1] = { ...last, text: `${last.text} ${plain}`, end };
    else found.push({ line: lineAt(start), text: plain, end, kind: type });
  }
  const messages: Passage[] = [];
  const add = (start: number, value: string): void => {
    if (/^\s*\p{L}[\p{L}’'`-]*(?: \S+){2,}/u.test(value))
      messages.push({ line: lineAt(start), text: value });
  };
  if (!/^(?:test|bench)\//.test(path))
    new Visitor({
      Literal: ({ value, start }) => {
        if (typeof value === 'string') add(start, value);
      },
      TemplateLiteral: ({ quasis, start }) => {
        add(start, quasis.map(({ value }) => value.cooked ?? '').join('x'));
      },
    }).visit(program);
  return [...found.map(({ line, text: one }) => ({ line, text: one })), ...messages];
}

/** Paragraphs and cells of tables, without code. */
function ofPage(page: string): Passage[] {
  const withoutCode = page.replaceAll(/^```[^]*?^```/gm, (code) => code.replaceAll(/[^\n]/g, ''));
  return withoutCode
    .split('\n')
    .reduce<Passage[]>((all, one, at) => {
      const last = all.at(-1);
      const plain = one.trim();
      if (plain === '' || /^\|?[-| :]+\|?$/.test(plain))
        return [...all, { line: at + 2, text: '' }];
      if (plain.startsWith('|'))
        return [...all, ...plain.split('|').map((cell) => ({ line: at + 1, text: cell.trim() }))];
      if (last === undefined || last.text === '' || /^(?:[-*#>]|\d+\.)/.test(plain))
        return [...all, { line: at + 1, text: plain }];
      return [...all.slice(0, -1), { line: last.line, text: `${last.text} ${plain}` }];
    }, [])
    .filter(({ text }) => text !== '');
}

/** Comments of shell scripts, YAML and templates. */
function ofScript(text: string): Passage[] {
  const found: Passage[] = [];
  let open = false;
  for (const [at, one] of text.split('\n').entries()) {
    const comment = /(?:^|\s)#(?!!)+\s?(.*)$/.exec(one)?.[1];
    const last = found.at(-1);
    const whole = /^\s*#/.test(one);
    if (comment === undefined) open = false;
    else if (open && whole && last !== undefined)
      found[found.length - 1] = { line: last.line, text: `${last.text} ${comment.trim()}` };
    else {
      found.push({ line: at + 1, text: comment.trim() });
      open = whole;
    }
  }
  return found.filter(
    ({ text: one }) => !one.startsWith('shellcheck') && !one.startsWith('syntax='),
  );
}

/** The line, from 1, of an offset. */
function lines(text: string): (offset: number) => number {
  return (offset) => text.slice(0, offset).split('\n').length;
}
