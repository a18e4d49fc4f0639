import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import type { BuildReport } from '../../bakery/tester/report.rules.ts';
import { emulation } from '../e2e/emulation.ts';
import { buildReferences, type Step, stepsOf } from '../e2e/history.ts';
import { bakery, docker, edit, makeCheckout, nonce, removeCheckout, run } from '../e2e/support.ts';
import { type Registry, serveRegistry } from './registry.ts';
import { describeTerminal } from './terminal.ts';

/** Three real agents and one that fails, on all runtimes and both platforms, from nothing cached. */

const good = { 'e2e-claude': 'claude', 'e2e-gemini': 'gemini', 'e2e-vibe': 'vibe' };
const broken = 'e2e-broken';
const runtimes = ['base', 'go', 'php8.4', 'php8.5'];
const platforms = ['linux/amd64', 'linux/arm64'];
const both = ['--platform', platforms.join(',')];

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
  let before: string[] = [];
  let report: BuildReport;
  let registry: Registry;

  const newSteps = async (): Promise<Step[][]> => {
    const references = (await buildReferences()).filter((reference) => !before.includes(reference));
    return Promise.all(references.map(stepsOf));
  };

  beforeAll(async () => {
    registry = await serveRegistry();
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
    before = await buildReferences();
    // Nothing of another platform can be executed while this builds.
    await emulation.off();
    try {
      const { stdout } = await bakery([
        '--root',
        root,
        'build',
        '--all',
        ...both,
        '--no-test',
        '--json',
      ]);
      report = reportOf(stdout);
    } finally {
      await emulation.on();
    }
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

  test('it took exactly (agents + runtimes) × platforms layer builds, by BuildKit’s records', async () => {
    const steps = await newSteps();
    const executed = new Set(
      steps
        .flat()
        .filter((step) => isRun(step) && !step.cached)
        .map(({ digest }) => digest),
    );
    expect(executed.size).toBe((4 + 4) * 2);
    expect(report.layers.filter(({ id }) => !id.endsWith('images'))).toHaveLength((4 + 4) * 2);
  });

  test('nothing was emulated: it was built while a foreign program could not even start', async () => {
    await emulation.off();
    try {
      const foreign = platforms.find(
        (platform) => !platform.endsWith(process.arch === 'x64' ? 'amd64' : 'arm64'),
      );
      const { code, stderr } = await run(
        'docker',
        [
          'buildx',
          'build',
          '--platform',
          foreign ?? '',
          '--file',
          '-',
          '--output',
          'type=cacheonly',
          '--no-cache',
          join(root, 'agents', 'e2e-claude'),
        ],
        { input: `FROM ${await baseImage(root)}\nRUN true\n` },
      );
      expect(code).not.toBe(0);
      expect(stderr).toContain('exec format error');
    } finally {
      await emulation.on();
    }
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

  const publish = async (): Promise<{ code: number; report: PublishReport; stderr: string }> => {
    const to = ['--registry', `${registry.host}/ai`, '--junit', join(root, 'junit.xml')];
    const words = ['publish', ...Object.keys(good), ...both, ...to, '--json', '--quiet'];
    const { code, stdout, stderr } = await bakery(['--root', root, ...words]);
    return { code, report: JSON.parse(stdout) as PublishReport, stderr };
  };

  test('one command tests every image on both platforms and publishes it', async () => {
    const { code, report: published, stderr } = await publish();
    expect(
      published.tests
        .filter(({ test: outcome }) => outcome !== 'passed')
        .map(({ image, platform, why }) => [image, platform, why]),
    ).toEqual([]);
    expect(published.tests).toHaveLength(3 * 4 * 2);
    expect(published.images).toHaveLength(3 * 4);
    expect(published.images.filter(({ outcome }) => outcome !== 'promoted')).toEqual([]);
    expect(code, stderr).toBe(0);
    const junit = await readFile(join(root, 'junit.xml'), 'utf8');
    expect(junit.match(/<testsuite /g)).toHaveLength(3 * 4 * 2);
  });

  test('unchanged, nothing is built, tested or moved again', async () => {
    before = await buildReferences();
    const { code, report: published } = await publish();
    expect(code).toBe(0);
    expect([published.layers, published.tests, published.journal]).toEqual([[], [], undefined]);
    expect(new Set(published.images.map(({ outcome }) => outcome))).toEqual(
      new Set(['up to date']),
    );
    expect(await newSteps()).toEqual([]);
  });

  test('one agent changed costs that agent’s layers only', async () => {
    await makeAgentCold(root, 'e2e-gemini', nonce());
    before = await buildReferences();
    const { stdout } = await bakery([
      '--root',
      root,
      'build',
      ...Object.keys(good),
      ...both,
      '--no-test',
      '--json',
    ]);
    const { layers, images } = reportOf(stdout);
    expect(layers.map(({ id }) => id)).toEqual([
      ...platforms.map((platform) => `agent/e2e-gemini ${platform}`),
      '4 images',
    ]);
    expect(images.filter(({ build }) => build === 'built').map(({ image }) => image)).toEqual(
      runtimes.flatMap((runtime) => platforms.map(() => `ai-e2e-gemini:${runtime}`)),
    );
    const executed = (await newSteps()).flat().filter((step) => isRun(step) && !step.cached);
    expect(new Set(executed.map(({ digest }) => digest)).size).toBe(2);
  });

  test('a check that fails shows the command, what was expected and what was seen', async () => {
    await edit(join(root, 'agents', 'e2e-claude', 'agent.yaml'), (text) =>
      text.replace("'^{version} ", "'^0.0.0 "),
    );
    const { code, stdout } = await bakery([
      '--root',
      root,
      'build',
      'e2e-claude',
      '--runtime',
      'base',
    ]);
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

const baseImage = async (root: string): Promise<string> => {
  const { stdout } = await bakery(['--root', root, 'render', 'e2e-claude', '--runtime', 'base']);
  return /^FROM (\S+@sha256:\w+) AS image$/m.exec(stdout)?.[1] ?? '';
};

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
