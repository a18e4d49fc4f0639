import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BuildReport } from '../../bakery/tester/report.rules.ts';
import {
  makeBaseCheckout,
  makeTiny,
  type Maker,
  noContainerIsLeft,
  openMaker,
  type TinyAgent,
  versionCheck,
} from '../e2e/fake-agent.ts';
import {
  bakery,
  edit,
  makeCheckout,
  nonce,
  type Ran,
  removeCheckout,
  run,
} from '../e2e/support.ts';
import { describeTraps, emulatedRun } from '../e2e/trap.ts';
import { emulation } from '../support/emulation.ts';
import { isFull } from '../support/full.ts';

/**
 * Nothing is emulated while layers are built. The kernel's emulation is switched off for the whole machine meanwhile, so no other
 * test may run.
 */

const foreign = process.arch === 'x64' ? 'linux/arm64' : 'linux/amd64';
const needsRoot = process.getuid?.() !== 0;
const runtimes = ['base', 'go', 'php8.4', 'php8.5'];

const reportOf = ({ stdout }: Ran): BuildReport => JSON.parse(stdout) as BuildReport;

const withoutEmulation = async (work: () => Promise<Ran>): Promise<Ran> => {
  await emulation.off();
  try {
    return await work();
  } finally {
    await emulation.on();
  }
};

describe.skipIf(needsRoot)('without emulation (needs root, to switch it off)', () => {
  const word = nonce();
  const npm = `e2e-${word}-npm`;
  const pypi = `e2e-${word}-pypi`;
  const download = `e2e-${word}-download`;
  const agents = isFull
    ? { [npm]: 'gemini', [`${npm}-2`]: 'claude', [pypi]: 'vibe' }
    : { [npm]: 'small-npm', [pypi]: 'small-pypi' };
  const names = [...Object.keys(agents), download];
  let root = '';
  let maker: Maker;

  beforeAll(async () => {
    maker = await openMaker();
    root = await makeCheckout(agents);
    await makeTiny(root, download, maker).write([versionCheck], 'cold');
    // Gives every layer an input that no build has seen.
    for (const runtime of runtimes)
      await edit(join(root, 'runtimes', runtime, 'Dockerfile.hbs'), (text) =>
        text.replace('set -eu\n', `set -eu\n# ${word}\n`),
      );
    for (const agent of Object.keys(agents).filter((name) => name !== pypi))
      await edit(join(root, 'agents', agent, 'package.json'), (text) =>
        JSON.stringify({ ...(JSON.parse(text) as object), description: word }),
      );
    for (const architecture of ['amd64', 'arm64'])
      await edit(
        join(root, 'agents', pypi, `requirements.${architecture}.txt`),
        (text) => `${text}# ${word}\n`,
      );
  });
  afterAll(async () => {
    maker.close();
    await removeCheckout(root, names);
  });

  test('every kind of agent and every runtime is built for the foreign platform', async () => {
    const ran = await withoutEmulation(() =>
      bakery(['--root', root, 'build', '--all', '--platform', foreign, '--no-test', '--json']),
    );
    expect(ran.code, ran.stderr).toBe(0);
    const { layers, images } = reportOf(ran);
    const built = layers.filter(({ id }) => !id.endsWith('images'));
    expect(built).toHaveLength(names.length + runtimes.length);
    // Not from the cache: each was executed here, and went well.
    expect(built.filter(({ ok, executed }) => !ok || executed === 0)).toEqual([]);
    expect(images).toHaveLength(names.length * runtimes.length);
    expect(new Set(images.map(({ build }) => build))).toEqual(new Set(['built']));
  });

  test('a step of the foreign platform does not even start meanwhile', async () => {
    const { stdout } = await bakery(['--root', root, 'render', npm, '--runtime', 'base']);
    const base = /^FROM (\S+@sha256:\w+) AS image$/m.exec(stdout)?.[1] ?? '';
    const flags = ['--output=type=cacheonly', '--no-cache', '--file=-'];
    const { code, stderr } = await withoutEmulation(() =>
      run(
        'docker',
        ['buildx', 'build', `--platform=${foreign}`, ...flags, join(root, 'agents', npm)],
        { input: `FROM ${base}\nRUN true\n` },
      ),
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain('exec format error');
  });
});

describe.skipIf(needsRoot)('lint (needs root, to switch emulation off)', () => {
  describeTraps([emulatedRun]);
});

describe('a platform that this machine cannot execute', () => {
  const name = `e2e-tiny-${nonce()}`;
  let root = '';
  let maker: Maker;
  let tiny: TinyAgent;
  const build = (): Promise<Ran> =>
    bakery(['--root', root, 'build', name, '--runtime=base', '--json', `--platform=${foreign}`]);

  beforeAll(async () => {
    maker = await openMaker();
    root = await makeBaseCheckout();
    tiny = makeTiny(root, name, maker);
    await tiny.write([versionCheck], 'cold');
  });
  afterAll(async () => {
    maker.close();
    await removeCheckout(root, [name]);
  });

  test.skipIf(needsRoot)(
    'is built and looked at, and its checks are not run (needs root, to switch emulation off)',
    async () => {
      const ran = await withoutEmulation(build);
      expect(ran.code).toBe(1);
      const [report] = reportOf(ran).images;
      expect([report?.build, report?.test]).toEqual(['built', 'not run']);
      expect(report?.why).toContain(`this machine cannot execute ${foreign}`);
      const statuses = (report?.results ?? []).map(({ subject, status }) => [
        subject === 'files and configuration' ? 'static' : 'run',
        status,
      ]);
      expect(new Set(statuses.map((pair) => pair.join(' ')))).toEqual(
        new Set(['static passed', 'run not run']),
      );
      await noContainerIsLeft(`ai-${name}:base`);
    },
  );

  test('is tested where it can be executed', async () => {
    await tiny.write([versionCheck], 'cold');
    const ran = await build();
    expect(reportOf(ran).images.map(({ test: outcome }) => outcome)).toEqual(['passed']);
    expect(ran.code).toBe(0);
  });
});
