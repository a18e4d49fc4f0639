import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { bakery } from './bakery.ts';
import { commitFolder, gitlab } from './gitlab.ts';

/** The pipelines as GitLab reads them: this project's own, and what `bakery ci` makes of the whole catalogue. */

// Each test starts programs that read a whole catalogue, or GitLab's whole schema.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const root = join(import.meta.dirname, '..', '..');
/** A registry that has nothing. */
let empty: Server;
let where = '';
let own = '';
let generated = '';

beforeAll(async () => {
  empty = createServer((request, response) => {
    response.writeHead(request.url === '/v2/' ? 200 : 404).end();
  });
  await new Promise<void>((listening) => empty.listen(0, '127.0.0.1', listening));
  where = `127.0.0.1:${(empty.address() as AddressInfo).port}/ai`;
  own = await readFile(join(root, '.gitlab-ci.yml'), 'utf8');
  generated = (await bakery(['--root', root, 'ci', '--registry', where])).stdout;
});
afterAll(() => {
  empty.close();
});

/** The errors of a file by GitLab's schema; empty if it is valid. */
const refusal = async (text: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'gitlab-'));
  try {
    await writeFile(join(folder, '.gitlab-ci.yml'), text);
    commitFolder(folder);
    const { code, stderr } = await gitlab(folder, ['--list']);
    expect(stderr).toMatch(/^(json schema validated|Invalid \.gitlab-ci\.yml)/m);
    return code === 0 ? '' : stderr;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

describe.each<[string, () => string, [from: string, to: string, why: string][]]>([
  [
    'this project’s own pipeline',
    () => own,
    [
      ['strategy: depend', 'strategy: wait', 'publish.trigger'],
      ['interruptible: true', 'interruptible: maybe', 'interruptible'],
    ],
  ],
  [
    'the pipeline of the whole catalogue',
    () => generated,
    [
      ['resource_group: publish', 'resource_group: [publish]', 'promotion.resource_group'],
      ['junit: ', 'junitt: ', 'junitt'],
    ],
  ],
])('%s', (_, text, mistakes) => {
  test('is what GitLab’s schema expects', async () => {
    expect(await refusal(text())).toBe('');
  });

  test.each(mistakes)('would not be with %j as %j', async (from, to, why) => {
    expect(text()).toContain(from);
    expect(await refusal(text().replaceAll(from, to))).toContain(why);
  });
});

test('the whole catalogue stays within GitLab’s limits', () => {
  const { workflow, stages, default: common, ...jobs } = parse(generated) as Record<string, object>;
  expect([workflow, stages, common].every((part) => part !== undefined)).toBe(true);
  const names = Object.keys(jobs);
  expect(names.length).toBeGreaterThan(50);
  expect(names.length).toBeLessThanOrEqual(500);
  // A file of 200 kB may need the 1 MB of memory that GitLab allows by default.
  expect(generated.length).toBeLessThan(100_000);
});

test('what it writes is what it prints', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gitlab-'));
  const file = join(folder, 'ci', 'pipeline.yml');
  const args = ['--root', root, 'ci', '--registry', where, '--output', file];
  expect(await bakery(args)).toMatchObject({ code: 0, stdout: `${file}\n`, stderr: '' });
  expect(await readFile(file, 'utf8')).toBe(generated);
  await rm(folder, { recursive: true });
});

test.each([
  ['no registry at all', ['--registry', 'nowhere'], '--registry: "nowhere" is not a registry'],
  [
    'an unknown step',
    ['--registry', 'r.io/x', '--until', 'push'],
    '--until: expected stage, test, promote, got "push"',
  ],
  ['an unknown agent', ['nobody', '--registry', 'r.io/x'], 'unknown agent "nobody"'],
])('%s is explained', async (_, args, expected) => {
  const { code, stdout, stderr } = await bakery(['--root', root, 'ci', ...args]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(expected);
});

test('what cannot be read of a registry is an error, not left out', async () => {
  const answers = createServer((_, response) => {
    response.writeHead(403).end();
  });
  await new Promise<void>((listening) => answers.listen(0, '127.0.0.1', listening));
  const address = `127.0.0.1:${(answers.address() as AddressInfo).port}/ai`;
  const { code, stdout } = await bakery(['--root', root, 'ci', '--registry', address]);
  answers.close();
  expect([code, stdout]).toEqual([1, '']);
});

test('a publication does not begin with a step that comes after its end', async () => {
  const args = ['publish', '--registry', where, '--from', 'promote', '--until', 'test'];
  const { code, stderr } = await bakery(['--root', root, ...args]);
  expect([code, stderr.split('\n')[0]]).toEqual([
    2,
    'error[E_USAGE]: --from promote comes after --until test',
  ]);
});
