import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { BuildReport } from '../../bakery/tester/report.rules.ts';
import {
  makeBaseCheckout,
  makeTiny,
  type Maker,
  openMaker,
  type TinyAgent,
  versionCheck,
  containersOf,
  noContainerIsLeft,
} from '../e2e/fake-agent.ts';
import { alive, type Caller, descendants, startBakery, until } from '../e2e/fake-caller.ts';
import { dockerWithOldBuildx, dockerWithoutBuildx } from '../e2e/fake-docker.ts';
import {
  agentFolder,
  bakery,
  docker,
  edit,
  nonce,
  type Ran,
  removeCheckout,
  run,
} from '../e2e/support.ts';

/** The bakery reports each fault of its surroundings once, with the place and a remedy, and leaves nothing half-done. */

const name = `e2e-tiny-${nonce()}`;
const npmAgent = `${name}-npm`;
const image = `ai-${name}:base`;
const needsRoot = process.getuid?.() !== 0;

let maker: Maker;
let root = '';
let pristine = '';
let temporary = '';
let tiny: TinyAgent;

beforeAll(async () => {
  maker = await openMaker();
  root = await makeBaseCheckout();
  tiny = makeTiny(root, name, maker);
  await tiny.write([versionCheck], 'cold');
  pristine = await mkdtemp(join(tmpdir(), 'e2e-pristine-'));
  await cp(root, pristine, { recursive: true });
});
afterAll(async () => {
  maker.close();
  await rm(pristine, { recursive: true, force: true });
  await removeCheckout(root, [name, npmAgent]);
});

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'e2e-tmp-'));
});
/** Back to a checkout in which nothing is wrong; listings of layers stay, because reading them takes long. */
afterEach(async () => {
  maker.release();
  for (const entry of await readdir(root)) {
    if (entry !== '.bakery') await rm(join(root, entry), { recursive: true });
  }
  await cp(pristine, root, { recursive: true });
  await rm(temporary, { recursive: true, force: true });
});

const building = (...more: readonly string[]): string[] => [
  '--root',
  root,
  'build',
  name,
  '--runtime=base',
  ...more,
];

const environment = (): Record<string, string> => ({ TMPDIR: temporary });

/** Without a standard input, which `mount` would close before anyone writes to it. */
const execute = promisify(execFile);

const local = async (change: (settings: Record<string, unknown>) => object): Promise<void> => {
  const path = join(root, 'bakery.local.yaml');
  const settings = (parse(await readFile(path, 'utf8').catch(() => '{}')) ?? {}) as object;
  await writeFile(path, stringify(change({ ...settings })));
};

const lockPath = async (): Promise<string> => {
  const settings = await Promise.all(
    ['bakery.yaml', 'bakery.local.yaml'].map(
      async (file) =>
        parse(await readFile(join(root, file), 'utf8').catch(() => '{}')) as {
          upstreamLock?: string;
        } | null,
    ),
  );
  return join(root, Object.assign({}, ...settings).upstreamLock ?? '');
};

const reportOf = ({ stdout }: Ran): BuildReport => JSON.parse(stdout) as BuildReport;

const imageId = async (): Promise<string> =>
  (await docker('image', 'inspect', '--format', '{{.Id}}', image)).stdout.trim();

const temporaryFiles = async (): Promise<string[]> => [
  ...(await readdir(temporary)),
  ...(await readdir(root, { recursive: true })).filter((path) => path.endsWith('.tmp')),
];

const nothingIsLeft = async (): Promise<void> => {
  await noContainerIsLeft(image);
  expect(await temporaryFiles()).toEqual([]);
};

/** One error, as text for people: no stack, no second one. */
const isOneError = ({ stderr }: Ran): void => {
  expect(stderr.match(/^error\[E_\w+\]: /gm) ?? [], stderr).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at .*[:(]/m);
  expect(stderr).not.toContain('This is a bug');
};

/** Nobody listens there, and a client asks it all the same: `fetch` refuses port 1 by itself. */
const closed = '127.0.0.1:2';

const unreachable = async (): Promise<void> => {
  await local((settings) => ({
    ...settings,
    mirrors: {
      'docker.io': `${closed}/docker.io`,
      'ghcr.io': `${closed}/ghcr.io`,
      'mcr.microsoft.com': `${closed}/mcr.microsoft.com`,
    },
  }));
};

/** Starts a build whose layer waits for its download. */
const startHeld = async (...more: readonly string[]): Promise<Caller> => {
  await tiny.write([versionCheck], 'cold');
  maker.hold();
  // A killed process cannot remove its files, so they go to a folder that the tests do not check.
  const caller = startBakery(building(...more), { TMPDIR: root });
  await until('the download was asked for', () => maker.waiting() > 0);
  return caller;
};

const worksAgain = async (): Promise<void> => {
  maker.release();
  const again = await bakery(building('--json'), { env: environment() });
  expect(again.code, again.stderr).toBe(0);
  expect(reportOf(again).images.map(({ test: outcome }) => outcome)).toEqual(['passed']);
  await nothingIsLeft();
};

type Wrong = {
  readonly what: string;
  /** Makes it wrong and returns what the environment has to have. */
  readonly make: () => Promise<Record<string, string>>;
  /** The error must name the thing, the place and the value. */
  readonly says: readonly string[];
  /** The hint must match these; empty if the error itself names what was expected. */
  readonly hints: readonly RegExp[];
};

const nowhere = 'unix:///nonexistent.sock';

const refused: readonly Wrong[] = [
  {
    what: 'no engine at DOCKER_HOST',
    make: async () => ({ DOCKER_HOST: nowhere }),
    says: ['no Docker engine answers', nowhere],
    hints: [/DOCKER_HOST/],
  },
  {
    what: 'a DOCKER_HOST that is no address',
    make: async () => ({ DOCKER_HOST: 'nonsense' }),
    says: ['no Docker engine answers', 'nonsense'],
    hints: [/DOCKER_HOST/],
  },
  {
    what: 'a docker context that points nowhere',
    make: async () => {
      const settings = { DOCKER_CONFIG: join(root, 'docker'), DOCKER_CONTEXT: 'nowhere' };
      await run('docker', ['context', 'create', 'nowhere', '--docker', `host=${nowhere}`], {
        env: { DOCKER_CONFIG: settings.DOCKER_CONFIG },
      });
      return settings;
    },
    says: ['no Docker engine answers', nowhere],
    hints: [/docker context/],
  },
  {
    what: 'a docker context that does not exist',
    make: async () => ({ DOCKER_CONFIG: join(root, 'docker'), DOCKER_CONTEXT: 'missing' }),
    says: ['"missing"', 'context not found'],
    hints: [/docker context/],
  },
  {
    what: 'no docker on PATH',
    make: async () => {
      await mkdir(join(root, 'empty'));
      return { PATH: join(root, 'empty') };
    },
    says: ['"docker"', 'PATH'],
    hints: [/install Docker/],
  },
  {
    what: 'a docker that must not be executed',
    make: async () => {
      await mkdir(join(root, 'bin'));
      await writeFile(join(root, 'bin', 'docker'), '#!/bin/sh\n');
      await chmod(join(root, 'bin', 'docker'), 0o644);
      return { PATH: join(root, 'bin') };
    },
    says: ['"docker"', 'EACCES'],
    hints: [/docker/i],
  },
  {
    what: 'docker without buildx',
    make: async () => ({ PATH: await dockerWithoutBuildx(join(root, 'bin')) }),
    says: ['no buildx'],
    hints: [/install docker-buildx/],
  },
  {
    what: 'a buildx that is too old',
    make: async () => ({ PATH: await dockerWithOldBuildx(join(root, 'bin')) }),
    says: ['buildx v0.13.1 is too old'],
    hints: [/install buildx 0\.22 or newer/],
  },
  {
    what: 'a builder that does not exist',
    make: async () => ({ BUILDX_BUILDER: 'missing' }),
    says: ['builder', '"missing"'],
    hints: [/docker buildx use/],
  },
  ...(['ca', 'npmrc', 'uv'] as const).map((key): Wrong => ({
    what: `a file that does not exist as ${key}`,
    make: async () => {
      await local((settings) => ({ ...settings, [key]: 'gone/file.pem' }));
      return {};
    },
    says: [`${key}: `, 'there is no file', '/gone/file.pem'],
    hints: [/bakery\.local\.yaml/],
  })),
  {
    what: 'a bakery.local.yaml that is no YAML',
    make: async () => {
      await writeFile(join(root, 'bakery.local.yaml'), 'mirrors:\n  docker.io: "never closed\n');
      return {};
    },
    says: ['bakery.local.yaml', 'line '],
    hints: [],
  },
  {
    what: 'a key of bakery.local.yaml that nobody knows',
    make: async () => {
      await local((settings) => ({ ...settings, mirors: { 'docker.io': 'example.com' } }));
      return {};
    },
    says: ['bakery.local.yaml', 'mirors'],
    hints: [],
  },
  {
    what: 'a value of bakery.local.yaml that is none',
    make: async () => {
      await local((settings) => ({ ...settings, mirrors: { 'docker.io': 'https://example.com' } }));
      return {};
    },
    says: ['bakery.local.yaml', 'mirrors', 'without scheme', 'mirror.example.com/docker.io'],
    hints: [],
  },
  {
    what: 'an upstream image that is not locked',
    make: async () => {
      await edit(await lockPath(), (text) =>
        text.replaceAll(/^docker\.io\/library\/node:.*\n/gm, ''),
      );
      return {};
    },
    says: ['docker.io/library/node:24-trixie-slim', 'not locked'],
    hints: [/bakery update --upstreams/],
  },
];

describe('refused before anything is built', () => {
  test.each(refused)('$what', async ({ make, says, hints }) => {
    const env = await make();
    const before = await imageId();
    const ran = await bakery(building(), { env: { ...environment(), ...env } });
    expect(ran.code, ran.stderr).toBe(1);
    isOneError(ran);
    for (const text of says) expect(ran.stderr).toContain(text);
    const said = ran.stderr.match(/^hint: .*$/gm) ?? [];
    expect(said).toEqual(hints.map((hint) => expect.stringMatching(hint)));
    expect(ran.stdout).toBe('');
    expect(await imageId()).toBe(before);
    await nothingIsLeft();
  });
});

describe('upstream images', () => {
  test('registries that do not answer fail the layers, by name', async () => {
    await unreachable();
    // An image that the engine has by its digest is not asked for.
    await edit(await lockPath(), (text) =>
      text.replaceAll(
        /sha256:[0-9a-f]{64}$/gm,
        () => `sha256:${createHash('sha256').update(nonce()).digest('hex')}`,
      ),
    );
    const ran = await bakery(building('--json'), { env: environment() });
    expect(ran.code).toBe(1);
    const { layers, images } = reportOf(ran);
    expect(layers.map(({ ok }) => ok)).toEqual([false, false]);
    for (const { error } of layers) {
      expect(error).toContain(`${closed}/`);
      expect(error).toContain('connection refused');
    }
    expect(images.map(({ build, test: outcome }) => [build, outcome])).toEqual([
      ['blocked', 'not run'],
    ]);
    expect(await imageId()).toBe('');
    await nothingIsLeft();
  });

  test('registries that do not answer leave the lock as it is', async () => {
    await unreachable();
    const before = parse(await readFile(await lockPath(), 'utf8')) as Record<string, string>;
    const ran = await bakery(['--root', root, 'update', '--upstreams'], { env: environment() });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(
      /^docker\.io\/library\/node:24-trixie-slim .*127\.0\.0\.1:2.*ECONNREFUSED/m,
    );
    const after = parse(await readFile(await lockPath(), 'utf8')) as Record<string, string>;
    for (const [reference, digest] of Object.entries(after)) {
      expect([reference, digest]).toEqual([reference, before[reference]]);
    }
    expect(after).toHaveProperty(['docker.io/library/node:24-trixie-slim']);
    await nothingIsLeft();
  });

  test('a digest that the registry does not have is named', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    await edit(await lockPath(), (text) =>
      text.replace(/^(docker\.io\/library\/node:\S+): .*$/m, `$1: ${digest}`),
    );
    const ran = await bakery(building('--json'), { env: environment() });
    expect(ran.code).toBe(1);
    const failed = reportOf(ran).layers.filter(({ ok }) => !ok);
    expect(failed.map(({ id }) => id.split(' ')[0])).toEqual([`agent/${name}`]);
    expect(failed[0]?.error).toContain(digest);
    expect(failed[0]?.error).toContain('not found');
    expect(await imageId()).toBe('');
    await nothingIsLeft();
  });
});

describe('while it builds', () => {
  test('an npm registry that does not answer fails that agent, and the other one is built', async () => {
    const settings = join(root, 'npmrc');
    await writeFile(settings, `registry=http://${closed}/\nfetch-retries=0\n`);
    await local((before) => ({ ...before, npmrc: settings }));
    await makeNpmAgent();
    await tiny.write([versionCheck], 'cold');
    const ran = await bakery(
      ['--root', root, 'build', npmAgent, name, '--runtime=base', '--json'],
      { env: environment() },
    );
    expect(ran.code).toBe(1);
    const { layers, images } = reportOf(ran);
    const failed = layers.filter(({ ok }) => !ok);
    expect(failed.map(({ id }) => id.split(' ')[0])).toEqual([`agent/${npmAgent}`]);
    expect(failed[0]?.error).toContain('RUN');
    expect(failed[0]?.error).toContain('ECONNREFUSED');
    expect(await readFile(failed[0]?.log ?? '', 'utf8')).toContain(`http://${closed}/`);
    expect(
      new Set(images.map(({ image: tag, build, test: outcome }) => `${tag} ${build}, ${outcome}`)),
    ).toEqual(new Set([`${image} built, passed`, `ai-${npmAgent}:base blocked, not run`]));
    await nothingIsLeft();
  });

  test.skipIf(needsRoot)(
    'a full disk is one clear error (needs root, for a disk of its own)',
    async () => {
      const folder = join(root, '.bakery');
      const kept = join(temporary, 'kept');
      await cp(folder, kept, { recursive: true });
      await execute('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'none', folder]);
      try {
        await cp(join(kept, 'upstream.lock.yaml'), join(folder, 'upstream.lock.yaml')).catch(
          () => undefined,
        );
        // It fails when the disk is full, which is what it is for.
        await writeFile(join(folder, 'full'), Buffer.alloc(1024 * 1024)).catch(() => undefined);
        await tiny.write([versionCheck], 'cold');
        const ran = await bakery(building());
        expect(ran.code, ran.stderr).toBe(1);
        isOneError(ran);
        expect(ran.stderr).toContain('no space left on device');
        expect(ran.stderr).toContain(folder);
        await noContainerIsLeft(image);
      } finally {
        await execute('umount', [folder]);
      }
    },
  );

  test('a buildx that is killed fails its layer, and the same command succeeds again', async () => {
    const caller = await startHeld('--json');
    const buildx = async () =>
      (await descendants(caller.pid)).filter(({ command }) =>
        command.includes('docker-buildx buildx build'),
      );
    await until('nothing else is being built', async () => (await buildx()).length === 1);
    const [held] = await buildx();
    expect(held).toBeDefined();
    process.kill(held?.pid ?? 0, 'SIGKILL');
    const ran = await caller.ended;
    expect(ran.code, ran.stderr).toBe(1);
    const failed = reportOf(ran).layers.filter(({ ok }) => !ok);
    expect(failed.map(({ id }) => id.split(' ')[0])).toEqual([`agent/${name}`]);
    // The error names the fault, not the last step that succeeded.
    expect(failed[0]?.error).toMatch(/killed|signal|ended with/);
    await worksAgain();
  });

  test('the bakery itself killed: the same command succeeds again', async () => {
    const caller = await startHeld();
    const below = await descendants(caller.pid);
    process.kill(caller.pid, 'SIGKILL');
    await caller.ended;
    await worksAgain();
    await until('what it had started has ended', async () => (await alive(below)).length === 0);
    expect(maker.waiting()).toBe(0);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a layer build', async (signal) => {
    const caller = await startHeld();
    const below = await descendants(caller.pid);
    expect(below.length).toBeGreaterThan(0);
    // Ctrl-C reaches everyone in the terminal, a supervisor's signal only the one it started.
    process.kill(signal === 'SIGINT' ? -caller.pid : caller.pid, signal);
    const { code, stdout, stderr } = await caller.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toMatch(/^interrupted\n$/m);
    expect(stderr).not.toMatch(/^error\b|^\s+at /m);
    expect(stdout).toBe('');
    expect(await alive(below)).toEqual([]);
    expect((await readdir(root)).filter((file) => file.startsWith('dockerfile'))).toEqual([]);
    await until('the engine stops building', () => maker.waiting() === 0);
    await worksAgain();
  });

  test.each([
    ['SIGINT', ['sleep', '300']],
    ['SIGTERM', ['sleep', '300']],
    ['SIGINT', ['sh', '-c', 'trap "" TERM INT; while :; do sleep 1; done']],
  ] as const)('%s ends a smoke test that runs %j', async (signal, command) => {
    await tiny.write([{ name: 'long', run: command, timeout: 600 }], 'cold');
    const caller = startBakery(building(), environment());
    await until(
      'the check runs',
      async () => (await containersOf(image)).some((line) => / Up /.test(line)),
      300,
    );
    const below = await descendants(caller.pid);
    process.kill(signal === 'SIGINT' ? -caller.pid : caller.pid, signal);
    const { code, stdout, stderr } = await caller.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toMatch(/^interrupted\n$/m);
    expect(stderr).not.toMatch(/^error\b|^\s+at /m);
    expect(stdout).toBe('');
    expect(await alive(below)).toEqual([]);
    await nothingIsLeft();
    await tiny.write([versionCheck]);
    await worksAgain();
  });
});

describe('a reader who does not read to the end', () => {
  test.each([
    ['list', ['list', '--json']],
    ['plan', ['plan', '--json']],
    ['render', ['render']],
  ] as const)('%s says nothing about it', async (_, verb) => {
    const caller = startBakery(['--root', root, ...verb]);
    caller.child.stdout?.destroy();
    const { stderr } = await caller.ended;
    expect(stderr).toBe('');
  });

  test('a build whose progress nobody reads leaves nothing running', async () => {
    await tiny.write([{ name: 'long', run: ['sleep', '300'], timeout: 5 }], 'cold');
    const caller = startBakery(building(), environment());
    caller.child.stderr?.destroy();
    const { code } = await caller.ended;
    // A build whose progress cannot be written has not succeeded.
    expect(code).not.toBe(0);
    await noContainerIsLeft(image);
  });

  test('a failed build stays failed when nobody reads the report', async () => {
    await tiny.write([{ ...versionCheck, stdout: '^something else$' }], 'cold');
    const caller = startBakery(building(), environment());
    caller.child.stdout?.destroy();
    const { code, stderr } = await caller.ended;
    expect(code, stderr).toBe(1);
    expect(stderr).not.toMatch(/^\s+at /m);
    await nothingIsLeft();
  });
});

/** An agent of the catalogue from npm, changed, so that none of its layer is in a cache. */
const makeNpmAgent = async (): Promise<void> => {
  const folder = join(root, 'agents', npmAgent);
  await cp(agentFolder('small-npm'), folder, { recursive: true });
  await edit(join(folder, 'package.json'), (text) =>
    JSON.stringify({ ...(JSON.parse(text) as object), description: nonce() }),
  );
};
