import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixtures } from '../unit/support.ts';
import { bakery, checkout } from './bakery.ts';

const expected = (file: string): Promise<string> =>
  readFile(join(fixtures, 'expected', file), 'utf8');

describe('bakery', () => {
  test.concurrent('check finds nothing wrong', async () => {
    expect(await bakery(['check', 'otter', 'finch', '--runtime', 'base'])).toEqual({
      code: 0,
      stdout:
        'finch: not locked for linux/arm64: no sha256 for https://downloads.example.com/finch-arm64\n' +
        '4 agents, 3 runtimes, 2 Dockerfiles: all in order\n',
      stderr: '',
    });
  });

  test.concurrent('list shows versions, platforms, and what is not locked', async () => {
    expect(await bakery(['list'])).toEqual({
      code: 0,
      stdout: `AGENT  VERSION             FROM      LOCKED FOR    TITLE
crane  2026.10.01-e373342  download  amd64, arm64  Crane
finch  0.1.10              download  amd64         Finch
heron  0.86.2              pypi      amd64, arm64  Heron
otter  1.2.3               npm       amd64, arm64  Otter

RUNTIME  TITLE
base     The base
go       Go
php      PHP

finch: not locked for linux/arm64: no sha256 for https://downloads.example.com/finch-arm64
`,
      stderr: '',
    });
  });

  test.concurrent('list --json says the same to machines', async () => {
    const { stdout } = await bakery(['list', 'finch', '--json', '--runtime', 'go']);
    expect(JSON.parse(stdout)).toEqual({
      agents: [
        {
          name: 'finch',
          title: 'Finch',
          kind: 'download',
          version: '0.1.10',
          command: 'finch',
          platforms: ['linux/amd64'],
        },
      ],
      runtimes: [
        { name: 'base', title: 'The base' },
        { name: 'go', title: 'Go' },
        { name: 'php', title: 'PHP' },
      ],
      leftOut: [
        {
          agent: 'finch',
          platform: 'linux/arm64',
          reason: 'no sha256 for https://downloads.example.com/finch-arm64',
        },
      ],
    });
  });

  test.concurrent('plan --json shows layers, images and what is left out', async () => {
    const { code, stdout } = await bakery(['plan', 'finch', '--runtime', 'go', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      layers: [
        { id: 'runtime/base linux/amd64' },
        { id: 'runtime/go linux/amd64' },
        { id: 'agent/finch linux/amd64' },
      ],
      images: [
        {
          id: 'finch:go',
          platforms: ['linux/amd64'],
          key: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        },
      ],
      leftOut: [{ agent: 'finch', platform: 'linux/arm64' }],
    });
  });

  test.concurrent('render prints a Dockerfile and nothing else', async () => {
    expect(await bakery(['render', 'otter', '--runtime', 'base'])).toEqual({
      code: 0,
      stdout: await expected('otter.base.Dockerfile'),
      stderr: '',
    });
  });

  test.concurrent('render --bake prints a bake file whose contexts are seen from here', async () => {
    const { stdout } = await bakery(['render', 'otter', '--runtime', 'base', '--bake'], {
      cwd: join(fixtures, 'checkout', 'agents', 'otter'),
    });
    expect(JSON.parse(stdout)).toMatchObject({
      group: { default: { targets: ['otter_base'] } },
      target: { otter_base: { context: '../../agents/otter', tags: ['ai-otter:base'] } },
    });
  });

  test.concurrent('build --dry-run plans without an engine', async () => {
    const { code, stdout } = await bakery(
      'build --all --dry-run --runtime go --platform linux/arm64'.split(' '),
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^5 layers, 3 images\n$/m);
  });
});

describe('completion', () => {
  test.concurrent.each([
    [
      [''],
      [
        'list',
        'check',
        'plan',
        'render',
        'build',
        'test',
        'publish',
        'ci',
        'layer',
        'prune',
        'update',
        'doctor',
        'completion',
      ],
    ],
    [['--'], ['--root', '--builder', '--version', '--help']],
    [
      ['build', '--runtime', ''],
      ['base', 'go', 'php'],
    ],
    [
      ['list', ''],
      [
        '--runtime',
        '--platform',
        '--json',
        '--upstreams',
        '--root',
        '--builder',
        'crane',
        'finch',
        'heron',
        'otter',
      ],
    ],
    [['list', 'o'], ['otter']],
    [['layer', 'runtime/g'], ['runtime/go']],
    [['build', 'otter', '--platform', 'linux/amd64,'], ['linux/amd64,linux/arm64']],
    [['build', '--junit', ''], [':files']],
  ])('after %j offers %j', async (words, candidates) => {
    expect(await bakery(['completion', '--words', '--', ...words])).toEqual({
      code: 0,
      stdout: `${candidates.join('\n')}\n`,
      stderr: '',
    });
  });

  test.concurrent('reads the checkout that the words name', async () => {
    const words = ['build', '--root', checkout, 'h'];
    const { stdout } = await bakery(['completion', '--words', '--', ...words], { cwd: '/' });
    expect(stdout).toBe('heron\n');
  });

  test.concurrent('without a checkout still knows verbs and flags', async () => {
    const ask = ['completion', '--words', '--', '--root=/'];
    expect((await bakery([...ask, 'pu'])).stdout).toBe('publish\n');
    expect(await bakery([...ask, 'build', 'h'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});
