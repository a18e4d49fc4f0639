import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadCatalogue, loadSettings, loadUpstreamLock } from '../../../bakery/catalogue/load.ts';
import { fixtures } from '../support.ts';

const original = join(fixtures, 'checkout');
let root: string;
let written: string[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bakery-load-'));
  await cp(original, root, { recursive: true });
});
afterAll(async () => {
  await rm(root, { recursive: true });
});
afterEach(async () => {
  for (const path of written) {
    // Files that existed are restored; those that did not are removed with their folder.
    const before = join(original, path);
    if (existsSync(before)) await cp(before, join(root, path));
    else await rm(join(root, path));
  }
  await rm(join(root, 'agents/new'), { recursive: true, force: true });
  await rm(join(root, 'runtimes/new'), { recursive: true, force: true });
  written = [];
});

/** Puts these texts into a checkout that is in order, for one test. */
const checkout = async (files: Record<string, string>): Promise<void> => {
  written = Object.keys(files);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
};

const refusal = (code: string, ...lines: string[]): unknown =>
  expect.objectContaining({ code, message: lines.join('\n') });

describe('reading definitions', () => {
  test('takes every folder by name, in order', async () => {
    await checkout({ 'agents/README.md': '# not an agent', 'agents/otter/.cache': 'x' });
    const { agents, runtimes } = await loadCatalogue(root, 'check');
    expect(agents.map(({ name }) => name)).toEqual(['crane', 'finch', 'heron', 'otter']);
    expect(runtimes.map(({ name }) => name)).toEqual(['base', 'go', 'php']);
    expect(Object.keys(agents[3]?.files ?? {})).not.toContain('.cache');
  });

  test.each([
    ['nothing', '', 'invalid input: expected object, received null'],
    ['a list', '- title', 'invalid input: expected object, received array'],
    ['one word', 'otter', 'invalid input: expected object, received string'],
    ['a key twice', 'title: a\ntitle: b\n', 'Map keys must be unique at line 2, column 1:'],
    [
      'a list that does not end',
      'title: [a',
      'Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 10:',
    ],
    ['a tab', 'install:\n\tkind: npm', 'Tabs are not allowed as indentation at line 2, column 1:'],
    [
      'two documents',
      'title: a\n---\ntitle: b',
      'Source contains multiple documents; please use YAML.parseAllDocuments() at line 2, column 1:',
    ],
  ])('refuses a file with %s in one line', async (_, text, line) => {
    await checkout({ 'agents/otter/agent.yaml': text });
    await expect(loadCatalogue(root, 'check')).rejects.toThrow(
      refusal('E_DEFINITION', `agents/otter/agent.yaml: ${line}`),
    );
  });

  test('refuses a wildcard without quotes, which is an alias in YAML', async () => {
    await checkout({ 'agents/otter/agent.yaml': 'title: *.example.com' });
    await expect(loadCatalogue(root, 'check')).rejects.toThrow(
      expect.objectContaining({
        code: 'E_DEFINITION',
        message: expect.stringMatching(/^agents\/otter\/agent\.yaml: unresolved alias .*$/i),
      }),
    );
  });

  test('refuses folders without a definition', async () => {
    await checkout({ 'agents/new/README.md': '', 'runtimes/new/README.md': '' });
    await expect(loadCatalogue(root, 'check')).rejects.toThrow(
      refusal(
        'E_DEFINITION',
        'agents/new/agent.yaml: file not found',
        'runtimes/new/runtime.yaml: file not found',
        'runtimes/new: Dockerfile.hbs is missing',
      ),
    );
  });

  test('shows the mistakes of all definitions and locks at once', async () => {
    await checkout({
      'agents/crane/agent.yaml': '',
      'agents/heron/requirements.amd64.txt': 'heron-chat==0.86.2\n',
      'agents/otter/package.json': '{}',
      'runtimes/go/runtime.yaml': 'title: Go\nextends: nope\nbudget: 1\n',
    });
    await expect(loadCatalogue(root, 'check')).rejects.toThrow(
      refusal(
        'E_DEFINITION',
        'agents/crane/agent.yaml: invalid input: expected object, received null',
        'runtimes/go/runtime.yaml: extends: unknown runtime "nope"',
        'agents/heron/requirements.amd64.txt: heron-chat==0.86.2 has no hash',
        'agents/otter/package.json: expected one dependency with an exact version',
      ),
    );
  });

  test('takes unusable locks for whoever writes them', async () => {
    await checkout({ 'agents/otter/package.json': '{}' });
    const { agents } = await loadCatalogue(root, 'accept');
    expect(agents.find(({ name }) => name === 'otter')?.lock.issues).toHaveLength(1);
  });

  test('refuses a place without definitions', async () => {
    const nowhere = join(root, 'nowhere');
    await expect(loadCatalogue(nowhere, 'check')).rejects.toThrow(
      refusal('E_NO_CATALOGUE', `${join(nowhere, 'agents')}: there is no such folder`),
    );
  });
});

describe('reading settings', () => {
  test('lets the machine’s own replace the shared ones, key by key', async () => {
    await checkout({ 'bakery.local.yaml': 'mirrors: { ghcr.io: mirror.local/ghcr }\njobs: 3\n' });
    expect(await loadSettings(root)).toEqual({
      upstreams: {
        node: 'docker.io/library/node:24-trixie-slim',
        python: 'docker.io/library/python:{python}-slim-trixie',
        uv: 'ghcr.io/astral-sh/uv:0.13.8',
      },
      upstreamLock: 'upstream.lock.yaml',
      mirrors: { 'ghcr.io': 'mirror.local/ghcr' },
      jobs: 3,
    });
  });

  test.each([
    ['an unknown key', 'mirror: {}', 'mirror: is not a known key'],
    [
      'a mirror with a scheme',
      'mirrors: { docker.io: "https://mirror.local" }',
      'mirrors.docker.io: expected a registry, or registry/path, without scheme, like "mirror.example.com/docker.io"',
    ],
    ['no jobs', 'jobs: 0', 'jobs: too small: expected number to be >=1'],
    ['a proxy without scheme', 'proxy: { https: proxy }', 'proxy.https: invalid URL'],
    ['a key twice', 'jobs: 1\njobs: 2', 'Map keys must be unique at line 2, column 1:'],
  ])('refuses %s in one line', async (_, text, line) => {
    await checkout({ 'bakery.local.yaml': text });
    await expect(loadSettings(root)).rejects.toThrow(
      refusal('E_DEFINITION', `bakery.local.yaml: ${line}`),
    );
  });

  test('asks for what has no default', async () => {
    await checkout({ 'bakery.yaml': '' });
    await expect(loadSettings(root)).rejects.toThrow(
      refusal('E_DEFINITION', 'bakery.yaml: expected "upstreams" and "upstreamLock"'),
    );
  });

  test('refuses a digest that is none', async () => {
    await checkout({ 'upstream.lock.yaml': 'docker.io/library/debian:13: sha256:abc\n' });
    await expect(loadUpstreamLock(root, await loadSettings(root))).rejects.toThrow(
      refusal(
        'E_DEFINITION',
        'upstream.lock.yaml: docker.io/library/debian:13: invalid string: must match pattern /^sha256:[0-9a-f]{64}$/',
      ),
    );
  });

  test('takes a lock that is not there for an empty one', async () => {
    await checkout({ 'bakery.local.yaml': 'upstreamLock: nowhere.yaml' });
    expect(await loadUpstreamLock(root, await loadSettings(root))).toEqual({});
  });
});
