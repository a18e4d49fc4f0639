import { createHash } from 'node:crypto';
import { cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emulation } from '../support/emulation.ts';
import { bakery, checkout, docker, nonce, type Ran, run, upstream } from './support.ts';

/** The inputs of the tests of traps, and ways to examine the results. */

const machines = {
  x64: { platform: 'linux/amd64', node: 'x64', uname: 'x86_64' },
  arm64: { platform: 'linux/arm64', node: 'arm64', uname: 'aarch64' },
} as const;
/** The machine that builds, and the one that it builds for. */
export const here = process.arch === 'arm64' ? machines.arm64 : machines.x64;
export const there = process.arch === 'arm64' ? machines.x64 : machines.arm64;

/** Two contents of what has one name: what was there when a file was written, and what is there tomorrow. */
type Word = 'one' | 'two';

export type World = {
  /** Upstreams by digest, as builds here name them. */
  readonly node: string;
  readonly python: string;
  readonly uv: string;
  /** A tag that moves, and the digest of what it was on first. */
  readonly tag: string;
  readonly digest: string;
  /** A download that changes, and the checksum of what it was first. Each name is a download of its own. */
  readonly download: (name: string) => { readonly url: string; readonly checksum: string };
  /** Puts a content in the place of the other. */
  readonly offer: {
    readonly tag: (word: Word) => Promise<void>;
    readonly download: (word: Word) => void;
    readonly wheel: (word: Word) => Promise<void>;
  };
  readonly context: string;
  /** Images in the engine, to be removed. */
  readonly images: string[];
  readonly close: () => Promise<void>;
};

const sha256 = (content: string | Buffer): string =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;

const mustRun = async (ran: Promise<Ran>): Promise<Ran> => {
  const result = await ran;
  if (result.code !== 0) throw new Error(`${result.stdout}${result.stderr}`);
  return result;
};

const build = (
  text: string,
  { context }: Pick<World, 'context'>,
  ...args: readonly string[]
): Promise<Ran> =>
  run('docker', ['buildx', 'build', '--provenance=false', '--file=-', ...args, context], {
    input: text,
  });

/**
 * A Python package without a wheel. Its build backend is in its own tree, so to install it is to run its code; the
 * code writes down what machine it found.
 */
const backend = `
import os, platform, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, info = 'trap-1.0-py3-none-any.whl', 'trap-1.0.dist-info/'
    with zipfile.ZipFile(os.path.join(folder, name), 'w') as wheel:
        wheel.writestr('word', os.environ.get('WORD', platform.machine()))
        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: trap\\nVersion: 1.0\\n')
        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        wheel.writestr(info + 'RECORD', '')
    return name
`;
const python = {
  'pyproject.toml': `[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
`,
  'PKG-INFO': 'Metadata-Version: 2.1\nName: trap\nVersion: 1.0\n',
  'backend.py': backend,
};

/** Packages of npm, one with a script of its own and one for each processor. */
const npm = {
  'package.json': {
    private: true,
    dependencies: { scripted: 'file:scripted' },
    optionalDependencies: { 'for-x64': 'file:for-x64', 'for-arm64': 'file:for-arm64' },
  },
  'scripted/package.json': {
    name: 'scripted',
    version: '1.0.0',
    scripts: { postinstall: 'node -p process.arch > built-for' },
  },
  'for-x64/package.json': { name: 'for-x64', version: '1.0.0', cpu: ['x64'] },
  'for-arm64/package.json': { name: 'for-arm64', version: '1.0.0', cpu: ['arm64'] },
};

const writeContext = async (context: string): Promise<void> => {
  const files = [
    ['one', 'one'],
    ['two', 'two'],
    ...Object.entries(npm).map(([path, json]) => [join('npm', path), JSON.stringify(json)]),
    ...Object.entries(python).map(([path, text]) => [join('trap-1.0', path), text]),
  ] as const;
  for (const [path = '', content = ''] of files) {
    await mkdir(join(context, path, '..'), { recursive: true });
    await writeFile(join(context, path), content);
  }
};

/** Makes the package's source archive, and wheels of two contents, with the hash of what is to be had first. */
const writePackages = async (context: string, image: string): Promise<void> => {
  const wheel = 'trap-1.0-py3-none-any.whl';
  const archive = 'trap-1.0.tar.gz';
  await mkdir(join(context, 'source'));
  await mkdir(join(context, 'wheel'));
  await mustRun(run('tar', ['-czf', join(context, 'source', archive), '-C', context, 'trap-1.0']));
  const text = `FROM --platform=$BUILDPLATFORM ${image} AS build
WORKDIR /trap
COPY trap-1.0/ ./
RUN --network=none for word in one two; do \\
  mkdir -p "/out/$word" && WORD="$word" python3 -c "import backend; backend.build_wheel('/out/$word')"; done
FROM scratch
COPY --link --from=build /out/ /
`;
  await mustRun(build(text, { context }, `--output=type=local,dest=${context}/wheels`));
  for (const [folder, file] of [
    ['source', join(context, 'source', archive)],
    ['wheel', join(context, 'wheels/one', wheel)],
  ] as const) {
    const hash = sha256(await readFile(file));
    await writeFile(join(context, folder, 'requirements.txt'), `trap==1.0 --hash=${hash}\n`);
  }
};

const aiderUpstream = async (name: string): Promise<string> => {
  const { stdout } = await bakery(['render', 'aider', '--runtime', 'base']);
  const pinned = new RegExp(`\\S*${name}:\\S+@sha256:[0-9a-f]{64}`).exec(stdout)?.[0];
  if (pinned === undefined) throw new Error(`${name} is not in the rendered Dockerfile`);
  return pinned;
};

const registry = '127.0.0.1:5000';

/** Pushes both contents, and gives their digests. */
const pushWords = async (context: string, suffix: string): Promise<Record<Word, string>> => {
  await mustRun(run(join(checkout, 'scripts/registry'), []));
  const push = async (word: Word): Promise<string> => {
    const name = `${registry}/e2e-traps:${word}-${suffix}`;
    const text = `FROM scratch\nCOPY ${word} /out/word\n`;
    await mustRun(
      build(text, { context }, `--output=type=image,name=${name},push=true,store=false`),
    );
    const { stdout } = await mustRun(
      docker('buildx', 'imagetools', 'inspect', '--format={{json .Manifest}}', name),
    );
    return (JSON.parse(stdout) as { digest: string }).digest;
  };
  return { one: await push('one'), two: await push('two') };
};

export const makeWorld = async (): Promise<World> => {
  const context = await mkdtemp(join(tmpdir(), 'bakery-traps-'));
  const once = nonce();
  const pythonImage = await aiderUpstream('docker.io/library/python');
  await writeContext(context);
  await writePackages(context, pythonImage);
  const digests = await pushWords(context, once);
  const tag = `${registry}/e2e-traps:${once}`;
  let served: Word = 'one';
  // BuildKit knows a download by its checksum, wherever it came from, so no two have the same content.
  const content = (chosen: Word, path: string): string => `${chosen}\n${path}\n`;
  const server = createServer(({ url = '' }, response) => {
    response.end(content(served, url));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const images: string[] = [];
  return {
    node: await upstream('docker.io/library/node:24-trixie-slim'),
    python: pythonImage,
    uv: await aiderUpstream('ghcr.io/astral-sh/uv'),
    tag,
    digest: digests.one,
    download: (name) => ({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${once}/${name}`,
      checksum: sha256(content('one', `/${once}/${name}`)),
    }),
    offer: {
      tag: async (word) => {
        const source = `${registry}/e2e-traps@${digests[word]}`;
        // Of one manifest it would make an index, which would be left behind.
        await mustRun(
          docker('buildx', 'imagetools', 'create', '--prefer-index=false', `--tag=${tag}`, source),
        );
      },
      download: (word) => {
        served = word;
      },
      wheel: (word) =>
        cp(join(context, 'wheels', word), join(context, 'wheel'), { recursive: true }),
    },
    context,
    images,
    close: async () => {
      server.close();
      if (images.length > 0) await docker('image', 'rm', '--force', ...images);
      for (const digest of Object.values(digests)) {
        await fetch(`http://${registry}/v2/e2e-traps/manifests/${digest}`, { method: 'DELETE' });
      }
      await rm(context, { recursive: true, force: true });
    },
  };
};

/** Builds for the other machine, and gives the folder that comes out, or what the build said when it failed. */
const exported = async <T>(
  text: string,
  world: World,
  look: (folder: string) => Promise<T>,
): Promise<T | string> => {
  const folder = await mkdtemp(join(tmpdir(), 'bakery-traps-out-'));
  try {
    const { code, stderr } = await build(
      text,
      world,
      `--platform=${there.platform}`,
      `--output=type=local,dest=${folder}`,
    );
    return code === 0 ? await look(folder) : stderr;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The first line of the file /word of the image, or what the build said when it failed. */
export const word = (text: string, world: World): Promise<string> =>
  exported(text, world, async (folder) => {
    const [line = ''] = (await readFile(join(folder, 'word'), 'utf8')).split('\n');
    return line;
  });

/** That of two builds of one text, with what the text names changed between them. */
export const wordTwice =
  (what: keyof World['offer'], words: readonly Word[] = ['one', 'two']) =>
  async (text: string, world: World): Promise<string[]> => {
    const seen: string[] = [];
    for (const offered of words) {
      await world.offer[what](offered);
      seen.push(await word(text, world));
    }
    return seen;
  };

/** As `word`, while this machine cannot run programs of the other. */
export const wordWithoutEmulation = async (text: string, world: World): Promise<string> => {
  // The slow part comes first, because the whole machine is without emulation afterwards, not this build only.
  await mustRun(
    build(
      `FROM ${world.node}\nCOPY one /\n`,
      world,
      `--platform=${there.platform}`,
      '--output=type=cacheonly',
    ),
  );
  await emulation.off();
  try {
    return await word(text, world);
  } finally {
    await emulation.on();
  }
};

/** Which packages npm installed, and what the script of one of them found. */
export const npmTree = (
  text: string,
  world: World,
): Promise<{ packages: string[]; builtFor: string | undefined } | string> =>
  exported(text, world, async (folder) => {
    const modules = join(folder, 'node_modules');
    const packages = (await readdir(modules)).filter((name) => !name.startsWith('.'));
    const builtFor = await readFile(join(modules, 'scripted/built-for'), 'utf8').catch(
      () => undefined,
    );
    return { packages: packages.toSorted(), builtFor: builtFor?.trim() };
  });

/** Builds into the engine, and gives the image's name and the log, or what the build said when it failed. */
const loaded = async <T>(
  text: string,
  world: World,
  args: readonly string[],
  look: (image: string, log: string) => Promise<T>,
): Promise<T | string> => {
  const image = `e2e-traps:${nonce()}`;
  const { code, stderr } = await build(text, world, '--load', `--tag=${image}`, ...args);
  if (code !== 0) return stderr;
  world.images.push(image);
  return look(image, stderr);
};

const printed = async (image: string, ...command: readonly string[]): Promise<string> => {
  const { stdout, stderr } = await docker('run', '--rm', '--network=none', image, ...command);
  return `${stdout}${stderr}`.trim();
};

/** The owner of a path in the image, by number. */
export const ownerOf =
  (path: string) =>
  (text: string, world: World): Promise<string> =>
    loaded(text, world, [], (image) => printed(image, 'stat', '--format=%u:%g', path));

/** Which of the folders that are symlinks in the base still are, and whether anything starts. */
export const mergedFolders = (
  text: string,
  world: World,
): Promise<{ symlinks: string[]; started: string } | string> =>
  loaded(text, world, [], async (image) => {
    const folder = await mkdtemp(join(tmpdir(), 'bakery-traps-out-'));
    const { stdout: container } = await docker('create', image);
    try {
      const symlinks: string[] = [];
      // Those that both platforms have. They are copied out of a container that does not run: it might not.
      for (const path of ['bin', 'lib', 'sbin', 'usr/local/man', 'var/lock', 'var/run']) {
        const copy = join(folder, path.replaceAll('/', '-'));
        await docker('cp', '--quiet', `${container.trim()}:/${path}`, copy);
        if ((await lstat(copy)).isSymbolicLink()) symlinks.push(path);
      }
      return { symlinks, started: await printed(image, 'echo', 'it starts') };
    } finally {
      await docker('rm', '--force', container.trim());
      await rm(folder, { recursive: true, force: true });
    }
  });

/** The digests of the steps that copy into the last stage, from BuildKit's own log. */
const copySteps = (log: string): string[] =>
  log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => {
      const { vertexes = [] } = JSON.parse(line) as {
        vertexes?: { digest: string; name: string }[];
      };
      return vertexes
        .filter(({ name }) => /^\[image [^\]]*\] COPY /.test(name))
        .map(({ digest }) => digest);
    });

/** Builds a text on two bases, whose own last layers differ, and compares what it put onto them. */
export const onTwoBases = async (
  text: string,
  world: World,
): Promise<{ layers: number; shared: number; copies: number } | string> => {
  const copies = new Set<string>();
  const images: string[][] = [];
  for (const base of ['open', 'closed']) {
    const args = [`--build-arg=BASE=${base}`, '--progress=rawjson'];
    const layers = await loaded(text, world, args, async (image, log) => {
      for (const digest of copySteps(log)) copies.add(digest);
      const { stdout } = await mustRun(
        docker('image', 'inspect', '--format={{json .RootFS.Layers}}', image),
      );
      return JSON.parse(stdout) as string[];
    });
    if (typeof layers === 'string') return layers;
    images.push(layers);
  }
  const [open = [], closed = []] = images;
  const base = open.findIndex((layer, index) => layer !== closed[index]) + 1;
  return {
    layers: open.length - base,
    shared: open.slice(base).filter((layer) => closed.includes(layer)).length,
    copies: copies.size,
  };
};
