/** The hints in the sources, as a parser sees them. */

import { type Argument, type Expression, type ParamPattern, Visitor } from 'oxc-parser';
import type { Source } from './sources.ts';

/** A hint; `…` replaces a value that is known at run time only. */
export type Hint = {
  readonly path: string;
  /** The code of the error that has the hint; undefined for findings of `doctor` and for codes of other errors. */
  readonly code: string | undefined;
  readonly text: string;
};

/** A function with a parameter `hint`. */
type Adder = {
  readonly name: string;
  readonly exported: boolean;
  /** The position of the parameter. */
  readonly at: number;
  /** The code of the error that it makes. */
  readonly code: string | undefined;
};

type Texts = (expression: Expression | Argument) => string[];

/**
 * Returns every alternative of each `hint: …`, of each variable `hint`, and of each argument for a parameter `hint`. In a
 * template, constants of the file are replaced by their values.
 */
export function readHints(sources: readonly Source[]): Hint[] {
  const shared = sources.flatMap((source) => addersIn(source).filter(({ exported }) => exported));
  return sources.flatMap((source) =>
    hintsOf(
      source,
      new Map([...shared, ...addersIn(source)].map((adder) => [adder.name, adder] as const)),
    ),
  );
}

function hintsOf({ path, program }: Source, adders: ReadonlyMap<string, Adder>): Hint[] {
  const texts = textsIn(program);
  const codes: (string | undefined)[] = [];
  const found: Hint[] = [];
  const take = (value: Expression | Argument, code = codes.at(-1)): void => {
    for (const text of texts(value)) if (!/^…?$/.test(text)) found.push({ path, code, text });
  };
  new Visitor({
    NewExpression: ({ arguments: [code] }) => {
      codes.push(code?.type === 'Literal' ? String(code.value) : undefined);
    },
    'NewExpression:exit': () => {
      codes.pop();
    },
    Property: ({ key, value, shorthand }) => {
      const isHint = key.type === 'Identifier' && key.name === 'hint' && !shorthand;
      // A pattern of parameters has no values.
      if (isHint && !value.type.endsWith('Pattern')) take(value as Expression);
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type === 'Identifier' && id.name === 'hint' && init !== null) take(init);
    },
    CallExpression: ({ callee, arguments: given }) => {
      const adder = callee.type === 'Identifier' ? adders.get(callee.name) : undefined;
      const value = given[adder?.at ?? -1];
      if (value !== undefined) take(value, adder?.code);
    },
  }).visit(program);
  return found;
}

function addersIn({ program }: Source): Adder[] {
  const found: (Adder & { start: number; end: number })[] = [];
  const codes: { start: number; code: string }[] = [];
  const exported = new Set<string>();
  const look = (
    name: string | undefined,
    { params, start, end }: { params: ParamPattern[]; start: number; end: number },
  ): void => {
    const at = params.findIndex((one) => one.type === 'Identifier' && one.name === 'hint');
    if (name !== undefined && at !== -1)
      found.push({ name, at, start, end, code: undefined, exported: false });
  };
  new Visitor({
    ExportNamedDeclaration: ({ declaration }) => {
      if (declaration?.type === 'FunctionDeclaration') exported.add(declaration.id?.name ?? '');
    },
    FunctionDeclaration: (declared) => look(declared.id?.name, declared),
    VariableDeclarator: ({ id, init }) => {
      if (id.type === 'Identifier' && init?.type === 'ArrowFunctionExpression') look(id.name, init);
    },
    NewExpression: ({ start, arguments: [code] }) => {
      if (code?.type === 'Literal') codes.push({ start, code: String(code.value) });
    },
  }).visit(program);
  return found.map((adder) => ({
    ...adder,
    exported: exported.has(adder.name),
    code: codes.find(({ start }) => start > adder.start && start < adder.end)?.code,
  }));
}

/** Returns the function that lists all texts an expression can have. */
function textsIn(program: Source['program']): Texts {
  const constants = new Map<string, Expression>();
  for (const statement of program.body) {
    const declared =
      statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (declared?.type !== 'VariableDeclaration') continue;
    for (const { id, init } of declared.declarations)
      if (id.type === 'Identifier' && init !== null) constants.set(id.name, init);
  }
  const texts: Texts = (value) => {
    if (value.type === 'Literal') return [String(value.value)];
    if (value.type === 'TemplateLiteral')
      return value.quasis.reduce<string[]>(
        (all, { value: { cooked } }, at) => {
          const next = value.expressions[at];
          const ends = next === undefined ? [''] : texts(next);
          return all.flatMap((one) => ends.map((end) => `${one}${cooked ?? ''}${end}`));
        },
        [''],
      );
    if (value.type === 'ConditionalExpression')
      return [...texts(value.consequent), ...texts(value.alternate)];
    if (value.type === 'LogicalExpression') return [...texts(value.left), ...texts(value.right)];
    if (value.type === 'BinaryExpression' && value.left.type !== 'PrivateIdentifier') {
      const ends = texts(value.right);
      return texts(value.left).flatMap((left) => ends.map((end) => `${left}${end}`));
    }
    if (value.type === 'CallExpression') {
      const [only, ...others] = value.arguments;
      const cleans = value.callee.type === 'Identifier' && value.callee.name === 'printable';
      if (cleans && only !== undefined && others.length === 0) return texts(only);
    }
    const known = value.type === 'Identifier' ? constants.get(value.name) : undefined;
    return known === undefined || known.type === 'ObjectExpression' ? ['…'] : texts(known);
  };
  return texts;
}
