import { spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { longFunctions } from '../support/functions.ts';

const root = join(import.meta.dirname, '..', '..');
/** Lines that a function may have: a longer one is several things. */
const longest = 60;

const packages = ['kernel', 'ai-run', 'bakery'] as const;

/** The sources of a package: paths below it. */
const sourcesOf = (name: string): string[] =>
  globSync('**/*.ts', { cwd: join(root, name) }).filter(
    (path) => !/^(dist|node_modules)\//.test(path),
  );

describe.each(packages)('in %s', (name) => {
  const sources = sourcesOf(name);

  test('there are sources', () => {
    expect(sources.length).toBeGreaterThan(10);
  });

  test('no file has the name of another', () => {
    // The first file of a room may have the room's name.
    const names = sources.map((path) => basename(path).replace(/(\.rules)?\.ts$/, ''));
    const twice = names.filter((one, at) => names.indexOf(one) !== at);
    const allowed = twice.filter((one) => sources.includes(`${one}/${one}.rules.ts`));
    expect(twice.filter((one) => !allowed.includes(one))).toEqual([]);
  });

  test(`no function has more than ${longest} lines`, () => {
    const long = sources.flatMap((path) =>
      longFunctions(path, readFileSync(join(root, name, path), 'utf8'), longest).map(
        (one) => `${name}/${path}: ${one.name}`,
      ),
    );
    expect(long).toEqual([]);
  });

  test('functions of a module are declarations', () => {
    const arrow = /^(?:export )?const \w+ = (?:async )?(?:<[^=]*>)?\([^]*?\)(?:: [^=]+)? =>/m;
    const found = sources.filter((path) => {
      const text = readFileSync(join(root, name, path), 'utf8');
      return text.split(/^(?=\S)/m).some((part) => arrow.test(part) && part.search(arrow) === 0);
    });
    expect(found).toEqual([]);
  });
});

/** Files that break the rules, and the linter's message for each. */
const planted: readonly [path: string, text: string, message: string][] = [
  ['kernel/effect.ts', "import 'node:fs';", 'the kernel is pure and knows zod alone.'],
  [
    'kernel/backwards.ts',
    "import '../ai-run/session/run.ts';",
    'the kernel is pure and knows zod alone.',
  ],
  ['kernel/package.ts', "import 'execa';", 'the kernel is pure and knows zod alone.'],
  ['ai-run/git/across.ts', "import '../../bakery/host/exec.ts';", 'ai-run knows the kernel alone.'],
  ['ai-run/git/package.ts', "import 'ai-bakery';", 'ai-run knows the kernel alone.'],
  ['ai-run/home/door.ts', "import 'node:child_process';", 'only host/exec.ts starts processes.'],
  [
    'ai-run/home/effect.rules.ts',
    "import 'node:fs/promises';",
    'rules are pure: data in, data out.',
  ],
  [
    'ai-run/home/up.rules.ts',
    "import './home.ts';",
    'rules import rules and the kernel, no effect.',
  ],
  ['bakery/update/process.ts', "import 'execa';", 'only host/exec.ts starts processes.'],
  ['bakery/update/child.ts', "import 'node:child_process';", 'only host/exec.ts starts processes.'],
  ['bakery/update/engine.ts', "import 'dockerode';", 'only engine/engine.ts speaks dockerode.'],
  [
    'bakery/publisher/http.ts',
    "import 'undici';",
    'only registry/transport.ts speaks HTTP to registries.',
  ],
  ['bakery/host/exec.ts', "import 'dockerode';", 'only engine/engine.ts speaks dockerode.'],
  [
    'bakery/plan/across.ts',
    "import '../../ai-run/git/git.ts';",
    'bakery knows the kernel alone, not ai-run.',
  ],
  ['bakery/plan/effect.rules.ts', "import 'node:fs';", 'rules are pure: data in, data out.'],
  ['bakery/plan/library.rules.ts', "import 'dockerode';", 'rules are pure: data in, data out.'],
  [
    'bakery/plan/up.rules.ts',
    "import '../catalogue/load.ts';",
    'rules import rules and the kernel, no effect.',
  ],
];
const allowed: readonly [path: string, text: string][] = [
  ['kernel/json.ts', "export const a: unknown = JSON.parse('1'); JSON.stringify(a);"],
  ['kernel/fine.ts', "import './error.ts'; import 'zod/mini';"],
  ['bakery/host/exec2.ts', "import 'node:fs';"],
  ['bakery/engine/engine.ts', "import 'dockerode';"],
  ['bakery/registry/transport.ts', "import 'undici';"],
  ['bakery/plan/fine.ts', "import '@ai-bakery/kernel/error.ts'; import 'p-limit';"],
  [
    'bakery/plan/fine.rules.ts',
    "import 'node:crypto'; import './plan.rules.ts'; import '../catalogue/lock.rules.ts'; import 'semver';",
  ],
  ['ai-run/git/fine.ts', "import 'node:fs'; import './git.ts'; import 'zod';"],
  ['ai-run/git/fine.rules.ts', "import './refs.rules.ts'; import '@ai-bakery/kernel/text.ts';"],
  ['ai-run/host/exec.ts', "import 'node:child_process';"],
];
const globals: readonly [path: string, text: string][] = [
  ['kernel/clock.ts', 'export const now = Date.now();'],
  ['ai-run/home/environment.rules.ts', 'export const path = process.env;'],
  ['bakery/plan/network.rules.ts', "export const got = fetch('http://a.example');"],
];

const parsers: readonly [path: string, text: string][] = [
  ['kernel/parser.ts', "export const a: unknown = JSON.parse('1');"],
  ['ai-run/session/parser.ts', "export const a: unknown = JSON['parse']('1');"],
  ['bakery/update/parser.ts', 'export const { parse } = JSON;'],
];

const Report = z.object({
  diagnostics: z.array(
    z.object({ filename: z.string(), code: z.string(), help: z.string().optional() }),
  ),
});

test('ai-run depends on zod alone', () => {
  const { dependencies } = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(root, 'ai-run/package.json'), 'utf8')));
  expect(Object.keys(dependencies)).toEqual(['zod']);
});

describe('the linter', () => {
  let folder: string;
  const said: string[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bakery-lint-'));
    cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const [path, text] of [...planted, ...allowed, ...globals, ...parsers]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), `${text}\n`);
    }
    const lint = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
    const { stdout } = spawnSync(process.execPath, [lint, '--format=json'], {
      cwd: folder,
      encoding: 'utf8',
    });
    for (const { filename, code, help } of Report.parse(JSON.parse(stdout)).diagnostics) {
      if (code === 'eslint(no-restricted-imports)') said.push(`${filename}: ${help}`);
      if (code === 'eslint(no-restricted-globals)') said.push(`${filename}: global`);
      if (code === 'eslint(no-restricted-properties)') said.push(`${filename}: ${help}`);
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each(planted)('reports %s: %s', (path, _, message) => {
    expect(said).toContain(`${path}: ${message}`);
  });

  test.each(globals)('reports %s: %s', (path) => {
    expect(said).toContain(`${path}: global`);
  });

  test.each(parsers)('reports %s: %s', (path) => {
    expect(said).toContain(
      `${path}: only kernel/json.ts parses JSON: call parseJson or parseAnswer.`,
    );
  });

  test.each(allowed)('has nothing against %s: %s', (path) => {
    expect(said.filter((line) => line.startsWith(path))).toEqual([]);
  });
});

test('the compiler refuses an arrow backwards too', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bakery-arrow-'));
  try {
    cpSync(join(root, 'tsconfig.base.json'), join(folder, 'tsconfig.base.json'));
    for (const name of packages) {
      mkdirSync(join(folder, name));
      cpSync(join(root, name, 'tsconfig.json'), join(folder, name, 'tsconfig.json'));
      writeFileSync(join(folder, name, 'package.json'), '{ "type": "module" }\n');
      writeFileSync(join(folder, name, 'thing.ts'), 'export const thing = 1;\n');
    }
    const compile = (): string => {
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      const types = join(root, 'node_modules/@types');
      return spawnSync(process.execPath, [tsc, '-p', 'kernel', '--noEmit', '--typeRoots', types], {
        cwd: folder,
        encoding: 'utf8',
      }).stdout;
    };
    expect(compile()).toBe('');
    writeFileSync(join(folder, 'kernel/backwards.ts'), "export * from '../bakery/thing.ts';\n");
    expect(compile()).toMatch(/TS6059|TS6307/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
