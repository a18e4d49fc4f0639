import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtures } from '../unit/support.ts';
import { bakery, checkout } from './bakery.ts';

let empty: string;
let broken: string;

beforeAll(() => {
  empty = mkdtempSync(join(tmpdir(), 'bakery-empty-'));
  broken = mkdtempSync(join(tmpdir(), 'bakery-broken-'));
  cpSync(checkout, broken, { recursive: true });
  writeFileSync(join(broken, 'agents/crane/agent.yaml'), 'title: a\ntitle: b\n');
  writeFileSync(join(broken, 'agents/otter/package.json'), '{}');
  writeFileSync(join(broken, 'runtimes/go/runtime.yaml'), 'title: Go\nextends: nope\nbudget: 0\n');
});
afterAll(() => {
  rmSync(empty, { recursive: true });
  rmSync(broken, { recursive: true });
});

describe('wrong usage ends with exit code 2, and', () => {
  test.concurrent.each([
    [
      'an unknown agent',
      ['plan', 'oter'],
      'error[E_UNKNOWN]: unknown agent "oter"\nhint: expected one of crane, finch, heron, otter\n',
    ],
    [
      'an unknown option',
      ['plan', '--al'],
      'error[E_USAGE]: bakery plan: unknown flag "--al"\nhint: bakery plan --help\n',
    ],
    [
      'an unknown verb',
      ['bake'],
      'error[E_USAGE]: bakery: unknown verb "bake"\nhint: bakery --help\n',
    ],
    [
      'a flag with a letter missing',
      ['plan', '--jsn'],
      'error[E_USAGE]: bakery plan: unknown flag "--jsn"\nhint: did you mean --json? (bakery plan --help)\n',
    ],
    [
      'a verb with two letters swapped, before all else',
      ['pbulish', '--bad'],
      'error[E_USAGE]: bakery: unknown verb "pbulish"\nhint: did you mean bakery publish? (bakery --help)\n',
    ],
    [
      'a flag given twice',
      ['plan', '--registry', 'r.example.com/a', '--registry=r.example.com/b'],
      'error[E_USAGE]: bakery plan: --registry is repeated: "r.example.com/a" and "r.example.com/b"\nhint: give it once (bakery plan --help)\n',
    ],
    [
      'a flag without its value',
      ['plan', '--registry'],
      'error[E_USAGE]: bakery plan: --registry needs a value\nhint: write --registry <registry> (bakery plan --help)\n',
    ],
    [
      'a flag with an empty value',
      ['publish', '--registry', ''],
      'error[E_USAGE]: bakery publish: --registry has an empty value: ""\nhint: write --registry <registry>, or leave it out (bakery publish --help)\n',
    ],
    [
      'no number of jobs',
      ['build', '--all', '--jobs', '0'],
      'error[E_USAGE]: bakery build: --jobs: expected a whole number from 1 to 64, got "0"\nhint: bakery build --help\n',
    ],
    ['a build of nothing', ['build'], 'error[E_USAGE]: name the agents to build, or say --all\n'],
    [
      'a Dockerfile of many images',
      ['render', 'otter'],
      'error[E_USAGE]: this names 3 images: choose one to print, or a folder with --out\nhint: bakery render claude --runtime base\n',
    ],
    [
      'publishing to nowhere',
      ['publish'],
      'error[E_USAGE]: bakery publish: --registry <registry> is required\nhint: a registry with its namespace, e.g. registry.example.com/ai (bakery publish --help)\n',
    ],
    ...['https://r.example.com/ai', 'acme', 'r.example.com/ai:tag', '/'].map(
      (registry): [string, string[], string] => [
        `the registry ${JSON.stringify(registry)}`,
        ['publish', '--registry', registry],
        `error[E_USAGE]: --registry: ${JSON.stringify(registry)} is not a registry\nhint: write host[:port][/namespace], like registry.example.com/ai or docker.io/acme\n`,
      ],
    ),
    [
      'a step that there is not',
      ['publish', '--registry', 'r.example.com', '--until', 'push'],
      'error[E_USAGE]: bakery publish: --until: expected stage, test, promote, got "push"\nhint: bakery publish --help\n',
    ],
    [
      'a kind of provenance that there is not',
      ['publish', '--registry', 'r.example.com', '--provenance', 'mid'],
      'error[E_USAGE]: --provenance: unknown mode "mid"\nhint: expected min, max or off\n',
    ],
    [
      'a generator without its digest',
      ['publish', '--registry', 'r.example.com', '--sbom', 'docker.io/acme/scan:1'],
      'error[E_USAGE]: --sbom: "docker.io/acme/scan:1" is not an image with a digest\nhint: write registry/repository@sha256:…, as docker buildx imagetools inspect prints it, or off\n',
    ],
    [
      'a number of days that is none',
      ['prune', '--registry', 'r.example.com', '--keep-days', '-1'],
      'error[E_USAGE]: bakery prune: --keep-days: expected a whole number from 0 to 99999, got "-1"\nhint: bakery prune --help\n',
    ],
    [
      'a shell without completion',
      ['completion', 'tcsh'],
      'error[E_USAGE]: bakery completion: expected bash, zsh, fish, got "tcsh"\nhint: bakery completion --help\n',
    ],
  ])('%s is explained', async (_, args, stderr) => {
    expect(await bakery(args)).toEqual({ code: 2, stdout: '', stderr });
  });
});

describe('what cannot be done ends with exit code 1, and', () => {
  test.concurrent('a place that is no checkout is named', async () => {
    expect(await bakery(['list', '--root', empty])).toEqual({
      code: 1,
      stdout: '',
      stderr: `error[E_NO_CHECKOUT]: ${empty}: there is no bakery.yaml here\nhint: run bakery in a checkout, or name one with --root\n`,
    });
  });

  test.concurrent('broken definitions are shown, all of them and nothing else', async () => {
    expect(await bakery(['check', '--root', broken])).toEqual({
      code: 1,
      stdout: '',
      stderr: `error[E_DEFINITION]: agents/crane/agent.yaml: Map keys must be unique at line 2, column 1:
runtimes/go/runtime.yaml: budget: too small: expected number to be >0
agents/otter/package.json: expected one dependency with an exact version
`,
    });
  });

  test.concurrent('an agent that is not locked is named with the reason', async () => {
    expect(await bakery(['build', 'finch', '--platform', 'linux/arm64'])).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'error[E_NOTHING_TO_BAKE]: finch: not locked for linux/arm64: no sha256 for https://downloads.example.com/finch-arm64\n' +
        'hint: run `bakery update` for these agents\n',
    });
  });

  test.concurrent.each([
    ['publish', []],
    ['publish', ['--dry-run']],
    ['plan', []],
    ['prune', []],
  ])('a registry that does not answer is named by %s %j', async (verb, args) => {
    const { code, stdout, stderr } = await bakery([
      verb,
      'otter',
      '--registry=127.0.0.1:2/acme',
      ...args,
    ]);
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('127.0.0.1:2/acme/ai-otter');
    expect(stdout + stderr).toContain('connect ECONNREFUSED 127.0.0.1:2');
  });

  test.concurrent('a machine without docker is told so', async () => {
    const { code, stderr } = await bakery(['build', 'otter'], { env: { PATH: empty } });
    expect(stderr).toMatch(
      /^error\[E_NO_PROGRAM\]: program "docker" not found on PATH\nhint: install Docker .*\n$/,
    );
    expect(code).toBe(1);
  });

  const stub = join(fixtures, 'bin');

  test.concurrent.each([
    [
      'the context’s engine, where DOCKER_HOST is empty',
      { DOCKER_HOST: '' },
      'unix:///nowhere/of-the-context.sock',
    ],
    [
      'the engine of DOCKER_HOST',
      { DOCKER_HOST: 'unix:///nowhere/x.sock' },
      'unix:///nowhere/x.sock',
    ],
    ['an address that is none', { DOCKER_HOST: 'nonsense' }, 'nonsense'],
  ])('%s is named where it does not answer', async (_, env, address) => {
    const { code, stderr } = await bakery(['build', 'otter'], {
      env: { PATH: stub, DOCKER_CONFIG: join(fixtures, 'docker'), ...env },
    });
    expect(stderr.split('\n')).toEqual([
      expect.stringContaining(`error[E_NO_ENGINE]: no Docker engine answers at ${address}: `),
      expect.stringMatching(/^hint: start it, or set DOCKER_HOST or the docker context/),
      '',
    ]);
    expect(code).toBe(1);
  });
});

describe('colours', () => {
  const escape = '\u001B[';

  test.concurrent('are there where they are asked for', async () => {
    const { stderr } = await bakery(['completion'], { env: { FORCE_COLOR: '1' } });
    expect(stderr).toContain(escape);
  });

  test.concurrent.each([{}, { NO_COLOR: '1', TERM: 'xterm-256color' }])(
    'are not there without a terminal, with %j',
    async (env) => {
      const { stdout, stderr } = await bakery(['completion'], { env });
      expect(stdout + stderr).not.toContain(escape);
      expect(stderr).toContain('error[E_USAGE]: ');
    },
  );
});

test.concurrent('a bug names the facts that its report needs', async () => {
  const throwing = `Object.defineProperty(process, 'arch', { get() { throw new Error('boom'); } })`;
  const { code, stderr } = await bakery(['build', '--all', '--dry-run'], {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(throwing)}` },
  });
  expect([code, stderr]).toEqual([
    70,
    expect.stringMatching(
      /^Error: boom\n[^]*This is a bug in bakery[^]*on Node \d+[^]*bakery doctor --json/,
    ),
  ]);
});
