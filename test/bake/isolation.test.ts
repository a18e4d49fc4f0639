import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { launch } from '../../kernel/launch.ts';
import { platformOfMachine } from '../../kernel/platform.ts';
import { harden, type Policy } from '../../kernel/policy.ts';
import type { BuildReport } from '../../bakery/tester/report.rules.ts';
import {
  makeBaseCheckout,
  makeTiny,
  type Maker,
  openMaker,
  type TinyAgent,
  versionCheck,
  noContainerIsLeft,
} from '../e2e/fake-agent.ts';
import { isFull } from '../support/full.ts';
import { bakery, docker, edit, nonce, type Ran, removeCheckout, run } from '../e2e/support.ts';

const reportOf = ({ stdout }: Ran): BuildReport => JSON.parse(stdout) as BuildReport;

/** Which of these words are in a stream of bytes, and its hash. */
const search = async (
  bytes: AsyncIterable<unknown>,
  words: readonly string[],
): Promise<{ readonly found: Set<string>; readonly id: string }> => {
  const found = new Set<string>();
  const hash = createHash('sha256');
  let before = '';
  for await (const chunk of bytes) {
    if (!Buffer.isBuffer(chunk)) continue;
    hash.update(chunk);
    // A word may begin in one chunk and end in the next.
    const text = before + chunk.toString('latin1');
    for (const word of words) if (text.includes(word)) found.add(word);
    before = text.slice(-100);
  }
  return { found, id: `sha256:${hash.digest('hex')}` };
};

/** Compressions of layers, by the bytes that they begin with: RFC 8878, 3.1.1 and RFC 1952, 2.3.1. */
const packers: readonly (readonly [string, () => Transform])[] = [
  ['28b52ffd', createZstdDecompress],
  ['1f8b', createGunzip],
];

/**
 * Returns the content of a blob, unpacked if it is compressed: our layers are not, but the engine may have the same layer
 * from a build for a registry, or from a plain `docker build`.
 */
const unpacked = async (bytes: AsyncIterable<unknown>): Promise<AsyncIterable<unknown>> => {
  const chunks = bytes[Symbol.asyncIterator]();
  const first = await chunks.next();
  const all = Readable.from(
    (async function* all() {
      for (let next = first; next.done !== true; next = await chunks.next()) yield next.value;
    })(),
  );
  const start = Buffer.isBuffer(first.value) ? first.value.toString('hex', 0, 4) : '';
  const packer = packers.find(([magic]) => start.startsWith(magic));
  return packer === undefined ? all : all.pipe(packer[1]());
};

/**
 * Which of these words an image holds: in its configuration and manifests, or in the last `own` of its layers, which are
 * those above its base.
 */
const wordsIn = async (
  image: string,
  own: number,
  words: readonly string[],
): Promise<{ readonly layers: Set<string>; readonly metadata: Set<string> }> => {
  const { stdout } = await docker('image', 'inspect', '--format={{json .RootFS.Layers}}', image);
  const wanted = new Set((JSON.parse(stdout) as string[]).slice(-own));
  const seen = new Set<string>();
  const found = { layers: new Set<string>(), metadata: new Set<string>() };
  const archive = extract();
  spawn('docker', ['save', image], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout.pipe(archive);
  for await (const entry of archive) {
    // A layer is known by the hash of what it unpacks to.
    const { found: here, id } = await search(await unpacked(entry), words);
    if (wanted.has(id)) seen.add(id);
    const isOfBase = !wanted.has(id) && (entry.header.size ?? 0) >= 1024 * 1024;
    const place = wanted.has(id) ? found.layers : found.metadata;
    if (!isOfBase) for (const word of here) place.add(word);
  }
  // Nothing was overlooked.
  expect(seen).toEqual(wanted);
  expect(seen.size).toBe(own);
  return found;
};

/** Runs the bakery where nothing else makes sense when it fails. */
const mustSucceed = async (...args: readonly string[]): Promise<void> => {
  const { code, stdout, stderr } = await bakery(args);
  if (code !== 0) throw new Error(`bakery ${args.join(' ')}: ${stdout}${stderr}`);
};

const sh =
  (script: string): (() => readonly [string, ...string[]]) =>
  () => ['sh', '-c', script];
const rootUser = { uid: 0, gid: 0 };

describe('what builds are given and images never hold', () => {
  const word = nonce();
  const npm = `e2e-${word}-npm`;
  const pypi = `e2e-${word}-pypi`;
  const control = `e2e-${word}-control`;
  const canaries = {
    ca: `canary-ca-${word}`,
    npmrc: `canary-npmrc-${word}`,
    uv: `canary-uv-${word}`,
    proxy: `canary-proxy-${word}`,
  };
  const words = Object.values(canaries);
  let root = '';
  let outside = '';
  let base = '';
  let ran: Ran;

  /** The files that this machine's own settings name, with a canary in each: builds must go on working. */
  const plant = async (): Promise<void> => {
    const path = join(root, 'bakery.local.yaml');
    const settings = (parse(await readFile(path, 'utf8').catch(() => '{}')) ?? {}) as Record<
      'ca' | 'npmrc' | 'uv',
      string | undefined
    > & { proxy?: object };
    const lines = {
      ca: `# ${canaries.ca}\n`,
      npmrc: `//127.0.0.1:1/:_authToken=${canaries.npmrc}\n`,
      uv: `[[index]]\nname = "canary"\nurl = "https://user:${canaries.uv}@127.0.0.1:1/simple"\nexplicit = true\n`,
    };
    for (const key of ['ca', 'npmrc', 'uv'] as const) {
      const original = settings[key] ?? (key === 'ca' ? '/etc/ssl/certs/ca-certificates.crt' : '');
      const text = await readFile(join(root, original), 'utf8').catch(() =>
        readFile(original, 'utf8').catch(() => ''),
      );
      settings[key] = join(outside, key);
      await writeFile(settings[key], `${text}${lines[key]}`);
    }
    // Only for addresses without TLS, which these builds do not ask.
    settings.proxy = { ...settings.proxy, http: `http://user:${canaries.proxy}@127.0.0.1:1` };
    await writeFile(path, stringify(settings));
  };

  /** Gives each layer an input that no build has seen. */
  const makeCold = async (): Promise<void> => {
    await edit(join(root, 'agents', npm, 'package.json'), (text) =>
      JSON.stringify({ ...(JSON.parse(text) as object), description: word }),
    );
    for (const architecture of ['amd64', 'arm64'])
      await edit(
        join(root, 'agents', pypi, `requirements.${architecture}.txt`),
        (text) => `${text}# ${word}\n`,
      );
  };

  beforeAll(async () => {
    root = await makeBaseCheckout(
      isFull ? { [npm]: 'auggie', [pypi]: 'vibe' } : { [npm]: 'small-npm', [pypi]: 'small-pypi' },
    );
    outside = await mkdtemp(join(tmpdir(), 'e2e-canary-'));
    await plant();
    await makeCold();
    ran = await bakery(['--root', root, 'build', npm, pypi, '--runtime=base', '--json']);
    const { stdout } = await bakery(['--root', root, 'render', npm, '--runtime=base']);
    base = /^FROM (\S+@sha256:\w+) AS image$/m.exec(stdout)?.[1] ?? '';
  });
  afterAll(async () => {
    await rm(outside, { recursive: true, force: true });
    await removeCheckout(root, [npm, pypi, control]);
  });

  test('the builds that got them went well, from nothing cached', () => {
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    const { layers, images } = reportOf(ran);
    expect(images.map(({ test: outcome }) => outcome)).toEqual(['passed', 'passed']);
    const executed = layers.filter(({ id }) => id.startsWith('agent/'));
    expect(executed.map((layer) => layer.executed > 0)).toEqual([true, true]);
  });

  test.each([npm, pypi])('are nowhere in the image of %s', async (agent) => {
    const { layers, metadata } = await wordsIn(`ai-${agent}:base`, 2, words);
    expect([...layers]).toEqual([]);
    expect([...metadata]).toEqual([]);
  });

  test('are neither in the report, nor in the output, nor in anything the bakery wrote', async () => {
    const written = await readdir(join(root, '.bakery'), { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      written
        .filter((entry) => entry.isFile())
        .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')),
    );
    expect(texts.length).toBeGreaterThan(0);
    for (const text of [ran.stdout, ran.stderr, ...texts]) {
      for (const canary of words) expect(text).not.toContain(canary);
    }
  });

  test('are found where a Dockerfile copies them (the search works)', async () => {
    const built = await run(
      'docker',
      [
        'buildx',
        'build',
        '--file=-',
        `--tag=ai-${control}:base`,
        '--provenance=false',
        '--output=type=image,compression=uncompressed,oci-mediatypes=true',
        `--build-arg=ARGUMENT=${canaries.proxy}`,
        outside,
      ],
      {
        input: `FROM ${base}\nARG ARGUMENT\nCOPY ca npmrc uv /canaries/\nENV ARGUMENT=$ARGUMENT\n`,
      },
    );
    expect(built.code, built.stderr).toBe(0);
    const { layers, metadata } = await wordsIn(`ai-${control}:base`, 1, words);
    expect([...layers].toSorted()).toEqual([canaries.ca, canaries.npmrc, canaries.uv].toSorted());
    expect([...metadata]).toContain(canaries.proxy);
  });

  test('are not in what a failing build says', async () => {
    const registry = `http://user:${canaries.npmrc}@127.0.0.1:1/`;
    await writeFile(join(outside, 'npmrc'), `registry=${registry}\nfetch-retries=0\n`);
    await edit(join(root, 'agents', npm, 'package.json'), (text) =>
      JSON.stringify({ ...(JSON.parse(text) as object), description: nonce() }),
    );
    const failed = await bakery(['--root', root, 'build', npm, '--runtime=base', '--json']);
    expect(failed.code).toBe(1);
    const layer = reportOf(failed).layers.find(({ ok }) => !ok);
    const log = await readFile(layer?.log ?? '', 'utf8');
    expect(log).toContain('127.0.0.1');
    for (const text of [failed.stdout, failed.stderr, log]) {
      for (const canary of words) expect(text).not.toContain(canary);
    }
  });
});

describe('smoke tests', () => {
  const name = `e2e-guarded-${nonce()}`;
  const image = `ai-${name}:base`;
  const platform = platformOfMachine(process.arch) ?? 'linux/amd64';
  let root = '';
  let maker: Maker;
  let tiny: TinyAgent;
  let listener: Server;
  let port = 0;

  beforeAll(async () => {
    maker = await openMaker();
    root = await makeBaseCheckout();
    tiny = makeTiny(root, name, maker);
    await tiny.write([versionCheck], 'cold');
    listener = createServer((socket) => socket.end());
    await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));
    port = (listener.address() as AddressInfo).port;
    await mustSucceed('--root', root, 'build', name, '--runtime=base');
  });
  afterAll(async () => {
    maker.close();
    listener.close();
    await removeCheckout(root, [name]);
  });

  const again = (...more: readonly string[]): Promise<Ran> =>
    bakery(['--root', root, 'test', name, '--runtime=base', '--json', ...more]);

  type Act = {
    readonly what: string;
    /** Ends with 0 when it succeeds. */
    readonly run: () => readonly [string, ...string[]];
    /** Its exit code when it is denied, where that is not 1. */
    readonly exit?: number;
    /** Its message when it is denied. */
    readonly denied?: string;
    /** The policy without what guards it, and with all the rest. */
    readonly without: (policy: Policy) => Policy;
    /** Flags that no policy has a word for. */
    readonly flags?: readonly string[];
  };
  const acts: readonly Act[] = [
    {
      what: 'write where everyone may, in the image',
      run: sh('touch /var/tmp/file'),
      denied: 'Read-only file system',
      without: (policy) => ({ ...policy, writableRoot: true }),
    },
    {
      what: 'write to /etc',
      run: sh('touch /etc/file'),
      denied: 'Read-only file system|Permission denied',
      without: (policy) => ({ ...policy, writableRoot: true, user: rootUser }),
    },
    {
      what: 'change its own program',
      run: sh('echo >> /opt/agent/bin/tiny'),
      exit: 2,
      denied: 'Read-only file system|Permission denied',
      without: (policy) => ({ ...policy, writableRoot: true, user: rootUser }),
    },
    {
      what: 'be root',
      run: sh('test "$(id -u)" = 0'),
      without: (policy) => ({ ...policy, user: rootUser }),
    },
    {
      what: 'become root with sudo',
      run: () => ['sudo', '-n', 'true'],
      denied: 'sudo: ',
      without: (policy) => ({
        ...policy,
        user: { uid: 1000, gid: 1000 },
        newPrivileges: true,
        capabilities: ['SETUID', 'SETGID', 'AUDIT_WRITE'],
      }),
    },
    {
      what: 'gain privileges by a setuid program',
      run: sh("grep -q '^NoNewPrivs:[[:space:]]*0$' /proc/self/status"),
      without: (policy) => ({ ...policy, newPrivileges: true }),
    },
    {
      what: 'have a capability, now or ever',
      run: sh(
        "awk '/^Cap(Inh|Prm|Eff|Bnd|Amb):/ && $2 !~ /^0+$/ { found = 1 } END { exit !found }' /proc/self/status",
      ),
      without: (policy) => ({ ...policy, capabilities: ['CHOWN'] }),
    },
    {
      what: 'reach the machine’s own loopback',
      run: () => ['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`],
      denied: 'Connection refused',
      without: (policy) => policy,
      flags: ['--network=host'],
    },
    {
      what: 'have a network',
      run: sh('test -e /sys/class/net/eth0'),
      without: (policy) => ({ ...policy, network: { mode: 'bridge' } }),
    },
    {
      what: 'mount',
      run: () => ['mount', '-t', 'tmpfs', 'none', '/mnt'],
      exit: 32,
      denied: 'permission denied|must be superuser',
      without: (policy) => ({ ...policy, user: rootUser, capabilities: ['SYS_ADMIN'] }),
      flags: ['--security-opt=apparmor=unconfined'],
    },
    {
      what: 'see the engine’s socket',
      run: sh('test -S /run/docker.sock || test -S /var/run/docker.sock'),
      without: (policy) => ({
        ...policy,
        mounts: [
          ...policy.mounts,
          {
            type: 'bind',
            source: '/var/run/docker.sock',
            target: '/var/run/docker.sock',
            readonly: true,
          },
        ],
      }),
    },
    {
      what: 'see the machine’s processes',
      run: sh('test "$(ls -d /proc/[0-9]* | wc -l)" -gt 10'),
      without: (policy) => policy,
      flags: ['--pid=host'],
    },
    {
      what: 'start more processes than its share',
      run: sh('i=0; while [ $i -lt 1200 ]; do sleep 60 & i=$((i+1)); done'),
      exit: 2,
      denied: 'fork',
      without: (policy) => ({ ...policy, limits: { ...policy.limits, pids: 4096 } }),
    },
  ];

  test('run under the policy: every forbidden act is denied', async () => {
    await tiny.write(
      acts.map(({ what, run: command, exit = 1, denied }) => ({
        name: what,
        run: command(),
        exit,
        ...(denied === undefined ? {} : { stderr: denied }),
      })),
    );
    const ran = await again();
    const results = reportOf(ran).images[0]?.results ?? [];
    expect(
      results
        .filter(({ status }) => status !== 'passed')
        .map(({ name: what, seen }) => [what, seen]),
    ).toEqual([]);
    const names = results.map(({ name: what }) => what);
    expect(names).toEqual(expect.arrayContaining(acts.map(({ what }) => what)));
    expect(ran.code).toBe(0);
  });

  test.each(acts)('without what guards it, it succeeds: $what', async (act) => {
    const policy = harden({ user: { uid: 1234, gid: 1234 }, network: { mode: 'none' } });
    const { file, args } = launch({
      image,
      platform,
      policy: act.without(policy),
      command: act.run(),
    });
    const flags = act.flags ?? [];
    // docker joins a container to every network that is named.
    const joins = flags.some((flag) => flag.startsWith('--network='));
    const others = joins ? args.filter((word) => !word.startsWith('--network=')) : args;
    const ran = await run(file, others.toSpliced(1, 0, ...flags));
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  });

  test.each([
    ['hangs', ['sleep', '600']],
    ['hangs and does not listen', ['sh', '-c', 'trap "" TERM INT; while :; do sleep 1; done']],
  ] as const)('end a check that %s, and say so', async (_, command) => {
    await tiny.write([{ name: 'hangs', run: command, timeout: 3 }, versionCheck]);
    const started = performance.now();
    const ran = await again();
    expect(performance.now() - started).toBeLessThan(60_000);
    expect(ran.code).toBe(1);
    const results = reportOf(ran).images[0]?.results ?? [];
    const hung = results.find(({ name: what }) => what === 'hangs');
    expect([hung?.status, hung?.expected]).toEqual(['failed', 'an end within 3 s']);
    // The checks after it are run.
    expect(results.find(({ name: what }) => what === 'version')?.status).toBe('passed');
    await noContainerIsLeft(image);
  });

  test.each([
    ['many lines', 'yes'],
    ['one line', "tr '\\0' x < /dev/zero"],
  ])(
    'end a check that floods its output with %s, and the report stays small',
    async (_, source) => {
      await tiny.write([
        { name: 'floods', run: ['sh', '-c', `${source} | head -c 100000000`], stdout: '^never$' },
        versionCheck,
      ]);
      const junit = join(root, 'junit.xml');
      const ran = await again(`--junit=${junit}`);
      expect(ran.code).toBe(1);
      const results = reportOf(ran).images[0]?.results ?? [];
      expect(results.find(({ name: what }) => what === 'floods')?.status).toBe('failed');
      expect(results.find(({ name: what }) => what === 'version')?.status).toBe('passed');
      expect(ran.stdout.length).toBeLessThan(100_000);
      expect(ran.stderr.length).toBeLessThan(100_000);
      expect((await readFile(junit)).length).toBeLessThan(100_000);
      await noContainerIsLeft(image);
    },
  );
});
