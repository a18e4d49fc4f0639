import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import type { BuildReport } from '../../bakery/tester/report.rules.ts';
import { reportingDocker, type Step } from '../e2e/fake-docker.ts';
import {
  bakery,
  docker,
  edit,
  makeCheckout,
  nonce,
  type Ran,
  removeCheckout,
} from '../e2e/support.ts';
import { isFull } from '../support/full.ts';
import { openNamespace } from './namespace.ts';
import type { Registry } from './registry.ts';
import { describeTerminal } from './terminal.ts';

/**
 * Three real agents and one that fails, on all runtimes and both platforms, from nothing cached. Every layer and every image is
 * built; on the foreign platform, which is emulated, every agent is tested on one runtime and one agent on every runtime. With
 * `GATE=full`, every pair is tested there.
 */

const good = { 'e2e-claude': 'claude', 'e2e-gemini': 'gemini', 'e2e-vibe': 'vibe' };
const broken = 'e2e-broken';
const runtimes = ['base', 'go', 'php8.4', 'php8.5'];
const platforms = ['linux/amd64', 'linux/arm64'];
const both = ['--platform', platforms.join(',')];
const native = `linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`;

/** The publications that test every pair that has to be tested, each on its platforms: arguments, and how many tests they make. */
const publications: readonly { readonly args: readonly string[]; readonly tests: number }[] = isFull
  ? [{ args: [...Object.keys(good), ...both], tests: 3 * 4 * 2 }]
  : [
      { args: [...Object.keys(good), '--runtime', 'base', ...both], tests: 3 * 2 },
      { args: ['e2e-claude', '--runtime', runtimes.slice(1).join(','), ...both], tests: 3 * 2 },
      {
        args: [
          'e2e-gemini',
          'e2e-vibe',
          '--runtime',
          runtimes.slice(1).join(','),
          '--platform',
          native,
        ],
        tests: 2 * 3,
      },
    ];

const isRun = ({ name }: Step): boolean => /^\[[^\]]+\] RUN /.test(name);

/** Gives every layer an input that no build here has seen. */
const makeCold = async (root: string): Promise<void> => {
  const word = nonce();
  for (const runtime of runtimes) {
    await edit(join(root, 'runtimes', runtime, 'Dockerfile.hbs'), (text) =>
      text.replace('set -eu\n', `set -eu\n# ${word}\n`),
    );
  }
  for (const agent of [...Object.keys(good), broken]) await makeAgentCold(root, agent, word);
};

const makeAgentCold = async (root: string, agent: string, word: string): Promise<void> => {
  const folder = join(root, 'agents', agent);
  if (agent === 'e2e-vibe') {
    for (const architecture of ['amd64', 'arm64']) {
      await edit(join(folder, `requirements.${architecture}.txt`), (text) => `${text}# ${word}\n`);
    }
  } else {
    await edit(join(folder, 'package.json'), (text) =>
      JSON.stringify({ ...(JSON.parse(text) as object), description: word }),
    );
  }
};

const reportOf = (stdout: string): BuildReport => JSON.parse(stdout) as BuildReport;

describe('the matrix', () => {
  let root = '';
  let report: BuildReport;
  let registry: Registry;
  let engine: Awaited<ReturnType<typeof reportingDocker>>;

  const bake = (...args: readonly string[]): Promise<Ran> =>
    bakery(['--root', root, ...args], { env: { PATH: engine.path } });
  /** Steps that were executed, each once. */
  const executed = async (): Promise<number> =>
    new Set(
      (await engine.steps())
        .filter((step) => isRun(step) && !step.cached)
        .map(({ digest }) => digest),
    ).size;

  beforeAll(async () => {
    registry = openNamespace(
      'matrix',
      ['layers', ...Object.keys(good)].map((name) => `ai/ai-${name}`),
    );
    root = await makeCheckout({ ...good, [broken]: 'gemini' });
    // Its program is deleted, so that its layer fails.
    await edit(join(root, 'agents', broken, 'agent.yaml'), (text) =>
      text
        .replace('command: gemini', 'command: broken')
        .replace(
          /^ {2}kind: npm$/m,
          "  kind: npm\n  program: node_modules/@google/gemini-cli/gone\n  prune: ['node_modules/@google']",
        ),
    );
    await makeCold(root);
    engine = await reportingDocker(join(root, 'engine'));
    const { stdout } = await bake('build', '--all', ...both, '--no-test', '--json');
    report = reportOf(stdout);
  });
  afterAll(async () => {
    await removeCheckout(root, [...Object.keys(good), broken]);
    await registry.close();
  });

  test('a failing layer takes its own images with it and no others, and is named', () => {
    const blocked = report.images.filter(({ build }) => build === 'blocked');
    expect(blocked.map(({ image }) => image)).toEqual(
      runtimes.flatMap((runtime) => platforms.map(() => `ai-${broken}:${runtime}`)),
    );
    expect(blocked[0]?.why).toBe(`agent/${broken} linux/amd64 failed`);
    expect(report.images.filter(({ build }) => build === 'built')).toHaveLength(3 * 4 * 2);
    expect(report.ok).toBe(false);
    const failed = report.layers.filter(({ ok }) => !ok);
    expect(failed.map(({ id }) => id).toSorted()).toEqual(
      platforms.map((platform) => `agent/${broken} ${platform}`),
    );
    expect(failed[0]?.error).toContain("cannot operate on dangling symlink 'bin/broken'");
  });

  test('the log that a failure names holds the whole build', async () => {
    const failed = report.layers.find(({ ok }) => !ok);
    expect(await readFile(failed?.log ?? '', 'utf8')).toContain('npm install');
  });

  test('it took exactly (agents + runtimes) × platforms layer builds, by BuildKit’s reports', async () => {
    expect(await executed()).toBe((4 + 4) * 2);
    expect(report.layers.filter(({ id }) => !id.endsWith('images'))).toHaveLength((4 + 4) * 2);
  });

  test('an agent’s layer has one digest on all runtimes, and another on each platform', async () => {
    for (const agent of Object.keys(good)) {
      const layers = await Promise.all(
        platforms.map((platform) =>
          Promise.all(runtimes.map((runtime) => lastLayer(`ai-${agent}:${runtime}`, platform))),
        ),
      );
      expect(layers.map((digests) => new Set(digests).size)).toEqual([1, 1]);
      expect(new Set(layers.flat()).size).toBe(2);
    }
  });

  const publish = async (
    at: number,
  ): Promise<{ code: number; report: PublishReport; stderr: string }> => {
    const to = ['--registry', `${registry.host}/ai`, '--junit', join(root, `junit-${at}.xml`)];
    const words = ['publish', ...(publications[at]?.args ?? []), ...to, '--json', '--quiet'];
    const { code, stdout, stderr } = await bake(...words);
    return { code, report: JSON.parse(stdout) as PublishReport, stderr };
  };

  test.each(publications.map(({ args, tests }, at) => ({ args: args.join(' '), tests, at })))(
    'one command tests every image on its platforms and publishes it: $args',
    async ({ at, tests }) => {
      const { code, report: published, stderr } = await publish(at);
      expect(
        published.tests
          .filter(({ test: outcome }) => outcome !== 'passed')
          .map(({ image, platform, why }) => [image, platform, why]),
      ).toEqual([]);
      expect(published.tests).toHaveLength(tests);
      expect(published.images.filter(({ outcome }) => outcome !== 'promoted')).toEqual([]);
      expect(code, stderr).toBe(0);
      const junit = await readFile(join(root, `junit-${at}.xml`), 'utf8');
      expect(junit.match(/<testsuite /g)).toHaveLength(tests);
    },
  );

  test('unchanged, nothing is built, tested or moved again', async () => {
    await engine.forget();
    const images: string[] = [];
    for (const at of publications.keys()) {
      const { code, report: published } = await publish(at);
      expect(code).toBe(0);
      expect([published.layers, published.tests, published.journal]).toEqual([[], [], undefined]);
      expect(new Set(published.images.map(({ outcome }) => outcome))).toEqual(
        new Set(['up to date']),
      );
      images.push(...published.images.map(({ image }) => image));
    }
    expect(new Set(images).size).toBe(3 * 4);
    expect(await engine.steps()).toEqual([]);
  });

  test('one agent changed costs that agent’s layers only', async () => {
    await makeAgentCold(root, 'e2e-gemini', nonce());
    await engine.forget();
    const { stdout } = await bake('build', ...Object.keys(good), ...both, '--no-test', '--json');
    const { layers, images } = reportOf(stdout);
    expect(layers.map(({ id }) => id)).toEqual([
      ...platforms.map((platform) => `agent/e2e-gemini ${platform}`),
      '4 images',
    ]);
    expect(images.filter(({ build }) => build === 'built').map(({ image }) => image)).toEqual(
      runtimes.flatMap((runtime) => platforms.map(() => `ai-e2e-gemini:${runtime}`)),
    );
    expect(await executed()).toBe(2);
  });

  test('a check that fails shows the command, what was expected and what was seen', async () => {
    await edit(join(root, 'agents', 'e2e-claude', 'agent.yaml'), (text) =>
      text.replace("'^{version} ", "'^0.0.0 "),
    );
    const { code, stdout } = await bake('build', 'e2e-claude', '--runtime', 'base');
    expect(code).toBe(1);
    expect(stdout).toContain('run:      claude --version');
    expect(stdout).toContain('expected: stdout like ^0.0.0 ');
    expect(stdout).toContain('(Claude Code)');
  });

  describeTerminal({
    registry: () => registry.host,
    root: () => root,
    agents: Object.keys(good),
    runtimes,
    drawing: 'e2e-gemini',
  });
});

const lastLayer = async (image: string, platform: string): Promise<string> => {
  const { stdout } = await docker(
    'image',
    'inspect',
    '--platform',
    platform,
    '--format',
    '{{json .RootFS.Layers}}',
    image,
  );
  return (JSON.parse(stdout) as string[]).at(-1) ?? '';
};
