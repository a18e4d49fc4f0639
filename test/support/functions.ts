import { parseSync, Visitor } from 'oxc-parser';

/** A function of a source file: its name (or `(anonymous)`), its first line from 1, and its length in lines. */
export type Sized = { readonly name: string; readonly line: number; readonly lines: number };

/** The functions of a source file that are longer than a limit, outermost first. */
export function longFunctions(path: string, text: string, limit: number): Sized[] {
  const found: Sized[] = [];
  const lineAt = (offset: number): number => text.slice(0, offset).split('\n').length;
  const add = (name: string | undefined, start: number, end: number): void => {
    const line = lineAt(start);
    const lines = lineAt(end) - line + 1;
    if (lines > limit) found.push({ name: name ?? '(anonymous)', line, lines });
  };
  new Visitor({
    FunctionDeclaration: ({ id, start, end }) => add(id?.name, start, end),
    FunctionExpression: ({ id, start, end }) => add(id?.name, start, end),
    ArrowFunctionExpression: ({ start, end }) => add(undefined, start, end),
  }).visit(parseSync(path, text).program);
  return found;
}
