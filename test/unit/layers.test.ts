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
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..', '..');

/** What each source file imports, by path. */
const imports = new Map(
  globSync('{ai-run,bakery}/**/*.ts', { cwd: root }).map((path) => [
    path,
    [...readFileSync(join(root, path), 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(
      ([, name = '']) => name,
    ),
  ]),
);

const importers = (pattern: RegExp, files = /^/): string[] =>
  [...imports]
    .filter(([path, names]) => files.test(path) && names.some((name) => pattern.test(name)))
    .map(([path]) => path);

describe('among the sources', () => {
  test('there are some', () => {
    expect(imports.size).toBeGreaterThan(40);
  });

  test.each([
    ['execa', /^execa$/, 'bakery/exec.ts'],
    ['dockerode', /^dockerode$/, 'bakery/engine.ts'],
  ])('%s is used in one file', (_, pattern, file) => {
    expect(importers(pattern)).toEqual([file]);
  });

  test('only one file of each program starts processes', () => {
    expect(importers(/^(node:)?child_process$/, /^bakery\//)).toEqual([]);
    expect(importers(/^(node:)?child_process$/, /^ai-run\/(?!exec\.ts)/)).toEqual([]);
  });

  test('ai-run imports nothing of the bakery', () => {
    expect(importers(/bakery/, /^ai-run\//)).toEqual([]);
  });

  test('both cores import no edge, and no module with effects', () => {
    expect(importers(/^node:(?!crypto$)/, /^(ai-run|bakery)\/core\//)).toEqual([]);
    expect(importers(/^\.\.\/[a-z-]+\.ts$/, /^(ai-run|bakery)\/core\//)).toEqual([]);
  });
});

/** Files that break the rules, and what the linter says of each. */
const planted: readonly [path: string, text: string, said: string][] = [
  ['ai-run/planted.ts', "import '../bakery/exec.ts';", 'ai-run is the lower layer.'],
  ['ai-run/other.ts', "import 'execa';", 'ai-run depends on zod only.'],
  ['ai-run/git/planted.ts', "import '../../bakery/exec.ts';", 'ai-run is the lower layer.'],
  ['ai-run/home/planted.ts', "import 'node:child_process';", 'only exec.ts starts processes.'],
  ['ai-run/core/planted.ts', "import '../settings.ts';", 'ai-run/core imports nothing but itself.'],
  ['ai-run/core/other.ts', "import 'node:fs';", 'ai-run/core is pure and depends on zod only.'],
  ['bakery/planted.ts', "import 'execa';", 'only exec.ts starts processes.'],
  ['bakery/commands/planted.ts', "import 'node:child_process';", 'only exec.ts starts processes.'],
  ['bakery/update/planted.ts', "import 'dockerode';", 'only bakery/engine.ts speaks dockerode.'],
  ['bakery/other.ts', "import '../ai-run/cli.ts';", 'of ai-run, the bakery uses the core only.'],
  ['bakery/deep.ts', "import '../ai-run/git/git.ts';", 'of ai-run, the bakery uses the core only.'],
  ['bakery/core/planted.ts', "import 'node:fs';", 'the core is pure: data in, data out.'],
  ['bakery/core/other.ts', "import '../load.ts';", 'the core never imports an edge.'],
];
const allowed: readonly [path: string, text: string][] = [
  ['bakery/exec.ts', "import 'execa';"],
  ['bakery/engine.ts', "import 'dockerode';"],
  ['bakery/fine.ts', "import '../ai-run/core/error.ts';"],
  ['bakery/core/fine.ts', "import 'node:crypto';"],
  ['ai-run/fine.ts', "import 'node:fs';"],
  ['ai-run/exec.ts', "import 'node:child_process';"],
];

const Report = z.object({
  diagnostics: z.array(z.object({ filename: z.string(), code: z.string(), help: z.string() })),
});

describe('the linter', () => {
  let folder: string;
  const said: string[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bakery-lint-'));
    cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const [path, text] of [...planted, ...allowed]) {
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
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each(planted)('reports %s: %s', (path, _, message) => {
    expect(said).toContain(`${path}: ${message}`);
  });

  test.each(allowed)('has nothing against %s: %s', (path) => {
    expect(said.filter((line) => line.startsWith(path))).toEqual([]);
  });
});
