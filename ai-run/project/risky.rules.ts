/** The files of a project that run code on the host when it is opened, built or committed. */

import { parseJson } from '@ai-bakery/kernel/json.ts';

/**
 * Patterns of these files, and the program that runs each. An agent must write many of them to do its work, so they are not
 * forbidden but reported after a change. Each pattern is matched against the end of a path, from the beginning of a name in
 * it, in lower case.
 */
const risks: readonly (readonly [by: string, path: string])[] = [
  [
    'VS Code',
    String.raw`\.vscode/(tasks|launch|settings|mcp|extensions)\.json|[^/]+\.code-workspace`,
  ],
  ['editors', String.raw`\.(idea|zed|fleet|nova|helix)/.+`],
  ['editors', String.raw`\.(vimrc|exrc|nvimrc|nvim\.lua|lvimrc|dir-locals\.el)`],
  ['dev containers', String.raw`\.devcontainer/.+|\.devcontainer\.json`],
  ['the shell', String.raw`\.envrc|\.env\.sh|\.tool-versions|\.?mise(\.[\w-]+)*\.toml`],
  [
    'git hooks',
    String.raw`\.(husky|githooks|git-hooks)/.+|\.?lefthook(-local)?\.(ya?ml|toml|json)`,
  ],
  [
    'git hooks',
    String.raw`\.pre-commit-config\.ya?ml|\.(lintstagedrc|huskyrc|simple-git-hooks)(\.\w+)?`,
  ],
  ['git', String.raw`\.git(attributes|modules)`],
  ['CI', String.raw`\.github/(workflows|actions)/.+|\.gitlab-ci\.ya?ml|\.gitlab/.+\.ya?ml`],
  ['CI', String.raw`\.(circleci|buildkite|woodpecker|forgejo|gitea)/.+|\.(travis|drone)\.ya?ml`],
  ['CI', String.raw`jenkinsfile|azure-pipelines\.ya?ml|bitbucket-pipelines\.ya?ml`],
  ['make', String.raw`(gnu)?makefile|[^/]+\.mk`],
  [
    'build tools',
    String.raw`\.?justfile|taskfile(\.dist)?\.ya?ml|rakefile|gemfile|procfile|vagrantfile`,
  ],
  [
    'build tools',
    String.raw`cmakelists\.txt|magefile\.go|build\.(xml|rs|zig)|\.cargo/config(\.toml)?`,
  ],
  ['build tools', String.raw`[^/]+\.gradle(\.kts)?|gradlew(\.bat)?|mvnw(\.cmd)?|pom\.xml|\.mvn/.+`],
  ['its scripts', String.raw`(package|composer)\.json`],
  [
    'package managers',
    String.raw`\.npmrc|\.yarnrc(\.yml)?|\.pnpmfile\.c?js|bunfig\.toml|\.yarn/(releases|plugins)/.+`,
  ],
  [
    'Python tools',
    String.raw`pyproject\.toml|setup\.(py|cfg)|conftest\.py|noxfile\.py|tox\.ini|tasks\.py|[^/]+\.pth`,
  ],
  ['JavaScript tools', String.raw`[\w.-]+\.config\.[cm]?[jt]s|\.[\w-]+rc\.[cm]?[jt]s`],
  [
    'docker',
    String.raw`(docker|container)file(\.[\w.-]+)?|[^/]+\.dockerfile|(docker-)?compose(\.[\w-]+)*\.ya?ml`,
  ],
  [
    'agents',
    String.raw`\.(claude|gemini|codex|cursor|opencode|windsurf|continue|kiro)/.+|\.aider\.conf\.yml`,
  ],
  [
    'agents',
    String.raw`\.mcp\.json|(claude(\.local)?|agents(\.override)?|gemini)\.md|\.(cursor|windsurf|cline)rules`,
  ],
  ['agents', String.raw`\.github/copilot-instructions\.md`],
  ['ai-run', String.raw`\.ai-run\.ya?ml`],
];

const patterns = risks.map(([by, path]) => ({ by, path: new RegExp(`(?:^|/)(?:${path})$`, 's') }));

type Snapshot = ReadonlyMap<string, string>;

/**
 * Returns the program that runs the file at this path of a project: `.vscode/tasks.json` → `VS Code`; undefined if none
 * does. Ignores case, because file systems and programs differ in it.
 */
export function runBy(path: string): string | undefined {
  return patterns.find((pattern) => pattern.path.test(path.toLowerCase()))?.by;
}

/** Returns the part of a file that can run code: of package.json the scripts, but not the dependencies, which change often. */
export function runningPart(path: string, text: string): string {
  if (!/(?:^|\/)(?:package|composer)\.json$/i.test(path)) return text;
  const parsed = parseJson(text);
  if (typeof parsed !== 'object' || parsed === null) return text;
  const parts = ['scripts', 'bin', 'husky', 'lint-staged', 'simple-git-hooks', 'packageManager'];
  return JSON.stringify(Object.entries(parsed).filter(([key]) => parts.includes(key)));
}

/**
 * Returns the paths with changed content, new ones marked: `Makefile`, `.vscode/tasks.json (new)`. Removed files run no
 * code and are left out, except for ai-run's own, which may have narrowed the next session.
 */
export function changedFiles(before: Snapshot, after: Snapshot): string[] {
  return [
    ...[...after]
      .filter(([path, content]) => before.get(path) !== content)
      .map(([path]) => (before.has(path) ? path : `${path} (new)`)),
    ...[...before.keys()]
      .filter((path) => !after.has(path) && runBy(path) === 'ai-run')
      .map((path) => `${path} (removed)`),
  ].toSorted();
}
