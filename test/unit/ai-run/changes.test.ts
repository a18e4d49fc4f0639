import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { walk } from '../../../ai-run/host/walk.ts';
import { openChanges } from '../../../ai-run/project/changes.ts';
import { runBy } from '../../../ai-run/project/risky.rules.ts';

describe('files that run code on the host', () => {
  test.each([
    '.vscode/tasks.json',
    'packages/a/.vscode/launch.json',
    '.vscode/settings.json',
    'x.code-workspace',
    '.idea/workspace.xml',
    '.idea/runConfigurations/a.xml',
    'package.json',
    'composer.json',
    'Makefile',
    'GNUmakefile',
    'rules.mk',
    '.envrc',
    '.devcontainer/devcontainer.json',
    '.devcontainer.json',
    '.husky/pre-commit',
    '.githooks/pre-push',
    '.github/workflows/ci.yml',
    '.gitlab-ci.yml',
    'Dockerfile',
    'docker/Dockerfile.dev',
    'compose.yaml',
    'pyproject.toml',
    'setup.py',
    'tests/conftest.py',
    '.pre-commit-config.yaml',
    '.claude/settings.json',
    '.claude/settings.local.json',
    '.mcp.json',
    'CLAUDE.md',
    'AGENTS.md',
    'docs/GEMINI.md',
    '.npmrc',
    '.gitattributes',
    '.gitmodules',
    'justfile',
    'Taskfile.yml',
    'vite.config.ts',
    'build.gradle.kts',
    '.ai-run.yaml',
    '.husky/odd\nname',
  ])('%j is one', (path) => {
    expect(runBy(path)).toBeDefined();
  });

  test.each([
    'src/main.ts',
    'README.md',
    'my-package.json',
    'x.vscode/tasks.json',
    'Makefile.md',
    'notclaude.md',
    'docs/idea/x.xml',
    'tsconfig.json',
  ])('%j is none', (path) => {
    expect(runBy(path)).toBeUndefined();
  });
});

const said = (names: string): string[] => [`changed, and can run code on your machine: ${names}`];

describe('the list at the end of a session', () => {
  let project: string;
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  };
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'ai-run-changes-'));
    write('Makefile', 'all:\n');
    write('package.json', '{"scripts":{"test":"vitest"},"dependencies":{}}');
    write('.husky/pre-commit', '#!/bin/sh\n');
  });
  afterEach(() => rmSync(project, { recursive: true }));

  const during = async (change: () => void): Promise<readonly string[] | undefined> => {
    const part = await openChanges({ project, tree: walk(project) });
    change();
    return part.finish?.();
  };
  test('names what changed and what is new', async () => {
    const notes = await during(() => {
      write('Makefile', 'all: evil\n');
      write('.vscode/tasks.json', '{}');
      write('a/b/.envrc', 'evil');
      write('src/main.ts', 'evil');
    });
    expect(notes).toEqual(said('.vscode/tasks.json (new), Makefile, a/b/.envrc (new)'));
  });

  test('looks at content: a file of the same size and time has changed', async () => {
    const long = new Date(0);
    utimesSync(join(project, 'Makefile'), long, long);
    const notes = await during(() => {
      write('Makefile', 'ALL:\n');
      utimesSync(join(project, 'Makefile'), long, long);
    });
    expect(notes).toEqual(said('Makefile'));
  });

  test('looks at what runs: a file that became executable has changed', async () => {
    expect(await during(() => chmodSync(join(project, '.husky/pre-commit'), 0o755))).toEqual(
      said('.husky/pre-commit'),
    );
  });

  test('says nothing of files that are as they were, or gone, or of new dependencies', async () => {
    const notes = await during(() => {
      write('Makefile', 'all:\n');
      write('package.json', '{"scripts":{"test":"vitest"},"dependencies":{"a":"1.0.0"}}');
      rmSync(join(project, '.husky'), { recursive: true });
    });
    expect(notes).toEqual([]);
    expect(
      await during(() => write('package.json', '{"scripts":{"test":"evil"},"dependencies":{}}')),
    ).toEqual(said('package.json'));
  });

  test('names what held back the next session, and is gone', async () => {
    write('a/.ai-run.yaml', 'network: none\n');
    expect(await during(() => rmSync(join(project, 'a/.ai-run.yaml')))).toEqual(
      said('a/.ai-run.yaml (removed)'),
    );
  });

  test('sees links in place of files and folders', async () => {
    const notes = await during(() => {
      symlinkSync('/tmp', join(project, '.vscode'));
      rmSync(join(project, 'Makefile'));
      symlinkSync('elsewhere', join(project, 'Makefile'));
    });
    expect(notes).toEqual(said('.vscode (new), Makefile'));
  });

  test('prints names without what could repaint a terminal, and not without end', async () => {
    const notes = await during(() => {
      for (let at = 10; at < 32; at += 1) write(`.husky/${at}\u001b]52;c;eA==\u0007`, 'evil');
    });
    expect(notes?.join('')).not.toContain('\u001b');
    expect(notes).toEqual([expect.stringMatching(/\.husky\/10 \(new\), .* and 2 more$/)]);
  });
});
