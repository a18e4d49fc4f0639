import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { table } from '../bakery/host/format.ts';
import { reportingDocker } from '../test/e2e/fake-docker.ts';
import { type Counter, countUploads } from './uploads.ts';

/**
 * Four agents × four runtimes × two platforms, built and pushed three ways in the same run: by the bakery, by one plain
 * `docker buildx bake` of the bakery's own file, and by Dockerfiles as one writes them by hand. Prints a Markdown table.
 */

const agents = ['claude', 'gemini', 'codex', 'qwen'];
const bumped = 'gemini';
const runtimes = ['base', 'go', 'php8.4', 'php8.5'];
const platforms = 'linux/amd64,linux/arm64';
const home = resolve(import.meta.dirname, '..');
const registry = '127.0.0.1:5000';
/** Builds at a time, the same for all ways. */
const jobs = Math.max(8, 2 * cpus().length);

const run = (file: string, args: readonly string[], cwd: string, input = ''): Promise<string> =>
  new Promise((settle, reject) => {
    const child = execFile(file, args, { cwd, maxBuffer: 1 << 30 }, (error, stdout, stderr) =>
      error === null
        ? settle(stdout)
        : reject(new Error(`${file} ${args.join(' ')}\n${stderr.slice(-4000)}`)),
    );
    child.stdin?.end(input);
  });

const bakery = (root: string, ...args: readonly string[]): Promise<string> =>
  run(process.execPath, [join(home, 'bakery/cli/main.ts'), '--root', root, ...args], root);

/** Every docker that is started here reports the steps of its builds, whichever way it is called. */
const engine = await reportingDocker(await mkdtemp(join(tmpdir(), 'bench-docker-')));
process.env['PATH'] = engine.path;
process.env['BUILDKIT_PROGRESS'] = 'rawjson';

type Row = { way: string; step: string; seconds: number; builds: number; megabytes: number };
const rows: Row[] = [];

/** A relay of its own for each way: to BuildKit it is another registry, so no way profits from what another pushed. */
let uploads: Counter;
const relayed = async (way: () => Promise<void>): Promise<void> => {
  uploads = await countUploads(registry);
  try {
    await way();
  } finally {
    uploads.close();
  }
};

/** Times one step, and counts what BuildKit executed and what reached the registry. */
const measure = async (way: string, step: string, work: () => Promise<unknown>): Promise<void> => {
  const row = await once(way, step, work);
  rows.push(row);
};

/** The same for a step that is short enough to be done three times: the run in the middle counts. */
const measureThrice = async (
  way: string,
  step: string,
  work: () => Promise<unknown>,
  prepare: () => Promise<void> = () => Promise.resolve(),
): Promise<void> => {
  const tries: Row[] = [];
  for (let at = 0; at < 3; at += 1) {
    await prepare();
    tries.push(await once(way, step, work));
  }
  rows.push(...tries.toSorted((a, b) => a.seconds - b.seconds).slice(1, 2));
};

const once = async (way: string, step: string, work: () => Promise<unknown>): Promise<Row> => {
  await engine.forget();
  uploads.reset();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const steps = await engine.steps();
  const executed = steps.filter(({ name, cached }) => /^\[[^\]]+\] RUN /.test(name) && !cached);
  const row = {
    way,
    step,
    seconds,
    builds: new Set(executed.map(({ digest }) => digest)).size,
    megabytes: uploads.bytes() / 1e6,
  };
  process.stderr.write(
    `${way}, ${step}: ${seconds.toFixed(1)} s, ${row.builds} builds, ${row.megabytes.toFixed(0)} MB\n`,
  );
  return row;
};

/** Nothing is left that a first build would not have: no results, no package caches, no upstream image. */
const forget = async (root: string): Promise<void> => {
  await run('docker', ['buildx', 'prune', '--all', '--force'], root);
  await rm(join(root, '.bakery', 'engines'), { recursive: true, force: true });
};

let counter = 0;
const word = (): string => `bench ${Date.now()} ${(counter += 1)}`;

/** A checkout of its own, whose layers no cache knows. */
const makeCheckout = async (): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'bakery-bench-'));
  for (const file of [
    'bakery.yaml',
    'bakery.local.yaml',
    'upstream.lock.yaml',
    '.bakery/upstream.lock.yaml',
    'runtimes',
  ]) {
    await cp(join(home, file), join(root, file), { recursive: true }).catch(() => undefined);
  }
  for (const agent of agents)
    await cp(join(home, 'agents', agent), join(root, 'agents', agent), { recursive: true });
  for (const runtime of runtimes) {
    const path = join(root, 'runtimes', runtime, 'Dockerfile.hbs');
    await writeFile(
      path,
      (await readFile(path, 'utf8')).replace('set -eu\n', `set -eu\n# ${word()}\n`),
    );
  }
  for (const agent of agents) await touch(root, agent);
  return root;
};

/** Changes an agent as a new version would: its lock's text is another one. */
const touch = async (root: string, agent: string): Promise<void> => {
  const path = join(root, 'agents', agent, 'package.json');
  await writeFile(
    path,
    JSON.stringify({
      ...(JSON.parse(await readFile(path, 'utf8')) as object),
      description: word(),
    }),
  );
};

const bakeryWay = async (): Promise<void> => {
  const root = await makeCheckout();
  const target = `${uploads.address}/bench-bakery`;
  const build = (): Promise<string> =>
    bakery(
      root,
      'publish',
      ...agents,
      '--platform',
      platforms,
      '--registry',
      target,
      '--until',
      'stage',
      '--quiet',
      '--jobs',
      String(jobs),
    );
  await forget(root);
  await measure('bakery', 'cold', build);
  await measureThrice('bakery', 'unchanged', build);
  const bump = (): Promise<void> => touch(root, bumped);
  await measureThrice('bakery', 'one agent bumped', build, bump);
  // The cost of that agent's layers alone: built, and built, packed and pushed.
  const ca = /^ca: (.*)$/m.exec(
    await readFile(join(root, 'bakery.local.yaml'), 'utf8').catch(() => ''),
  )?.[1];
  const pushed = `type=image,push=true,store=false,oci-mediatypes=true,compression=zstd,name=${target}/layers`;
  for (const [what, output] of [
    ['built', 'type=cacheonly'],
    ['pushed', pushed],
  ]) {
    const dockerfile = await bakery(root, 'render', bumped, '--runtime', 'base');
    const alone = (): Promise<string> =>
      run(
        'docker',
        [
          'buildx',
          'build',
          '--file=-',
          '--target=agent',
          '--provenance=false',
          `--platform=${platforms}`,
          `--output=${output}`,
          ...(ca === undefined ? [] : [`--secret=id=ca,src=${ca}`]),
          `agents/${bumped}`,
        ],
        root,
        dockerfile,
      );
    await measureThrice(`its layers alone, ${what}`, 'one agent bumped', alone, bump);
  }
  await rm(root, { recursive: true });
};

const plainBake = async (): Promise<void> => {
  const root = await makeCheckout();
  const target = `${uploads.address}/bench-bake`;
  const build = async (): Promise<void> => {
    const file = await bakery(
      root,
      'render',
      ...agents,
      '--platform',
      platforms,
      '--bake',
      '--registry',
      target,
    );
    await run('docker', ['buildx', 'bake', '--file=-', '--allow=fs.read=/'], root, file);
  };
  await forget(root);
  await measure('plain bake', 'cold', build);
  await measureThrice('plain bake', 'unchanged', build);
  await measureThrice('plain bake', 'one agent bumped', build, () => touch(root, bumped));
  await rm(root, { recursive: true });
};

const apt = (packages: string, mark: string): string =>
  `RUN : ${mark}; apt-get update && apt-get install -y --no-install-recommends ${packages} && rm -rf /var/lib/apt/lists/*`;

/**
 * One Dockerfile per agent, a target per runtime, everything installed where it will run: arm64 is emulated. The mark
 * makes the steps new to every cache; agents still share what they have in common, as they would in a first build.
 */
const byHand = (
  base: string,
  php: string,
  packageName: string,
  version: string,
  ca: boolean,
  mark: string,
): string => {
  const mount = ca ? '--mount=type=secret,id=ca ' : '';
  const trust = ca ? 'NODE_EXTRA_CA_CERTS=/run/secrets/ca ' : '';
  const agent = `RUN ${mount}: ${mark}; ${trust}npm install -g ${packageName}@${version}`;
  return [
    `FROM ${base} AS base`,
    agent,
    `FROM ${base} AS go`,
    apt('golang-go', mark),
    agent,
    `FROM ${base} AS php84`,
    apt('php-cli composer', mark),
    agent,
    `FROM ${base} AS php85`,
    '# Debian has no PHP 8.5.',
    `COPY --from=${php} /usr/local/ /usr/local/`,
    apt('composer', mark),
    agent,
    '',
  ].join('\n');
};

const pinned = async (root: string, reference: string): Promise<string> => {
  const text = await bakery(root, 'render', bumped, '--runtime', 'php8.5');
  const found = new RegExp(`\\S*${reference}@sha256:\\w+`).exec(text)?.[0];
  if (found === undefined) throw new Error(`${reference} is not in the rendered Dockerfile`);
  return found;
};

const handWay = async (): Promise<void> => {
  const root = await makeCheckout();
  const base = await pinned(root, 'devcontainers/typescript-node:24-trixie');
  const php = await pinned(root, 'php:8.5-cli-trixie');
  const ca = /^ca: (.*)$/m.exec(
    await readFile(join(root, 'bakery.local.yaml'), 'utf8').catch(() => ''),
  )?.[1];
  const folder = join(root, 'hand');
  await mkdir(folder);
  const mark = word();
  const write = async (agent: string): Promise<void> => {
    const { dependencies } = JSON.parse(
      await readFile(join(root, 'agents', agent, 'package.json'), 'utf8'),
    ) as {
      dependencies: Record<string, string>;
    };
    const [[name, version] = ['', '']] = Object.entries(dependencies);
    await writeFile(
      join(folder, `${agent}.Dockerfile`),
      byHand(base, php, name, version, ca !== undefined, mark),
    );
  };
  const limit = pLimit(jobs);
  const build = async (): Promise<void> => {
    await Promise.all(
      agents.flatMap((agent) =>
        ['base', 'go', 'php84', 'php85'].map((target) =>
          limit(() =>
            run(
              'docker',
              [
                'buildx',
                'build',
                '--push',
                '--provenance=false',
                `--platform=${platforms}`,
                `--target=${target}`,
                `--tag=${uploads.address}/bench-hand/${agent}:${target}`,
                `--file=${agent}.Dockerfile`,
                ...(ca === undefined ? [] : [`--secret=id=ca,src=${ca}`]),
                '.',
              ],
              folder,
            ),
          ),
        ),
      ),
    );
  };
  for (const agent of agents) await write(agent);
  await forget(root);
  await measure('by hand', 'cold', build);
  await measure('by hand', 'unchanged', build);
  // The version in its RUN line is another one: that line is executed again on every runtime.
  const path = join(folder, `${bumped}.Dockerfile`);
  await writeFile(
    path,
    (await readFile(path, 'utf8')).replaceAll('npm install -g', 'npm install --global'),
  );
  await measure('by hand', 'one agent bumped', build);
  await rm(root, { recursive: true });
};

const ratio = (row: Row): string => {
  const own = rows.find(({ way, step }) => way === 'bakery' && step === row.step);
  return own === undefined || own === row ? '' : `${(row.seconds / own.seconds).toFixed(2)} ×`;
};

await relayed(bakeryWay);
await relayed(plainBake);
if (!process.argv.includes('--without-hand')) await relayed(handWay);
const cells = rows.map((row) => [
  row.step,
  row.way,
  row.seconds.toFixed(1),
  ratio(row),
  String(row.builds),
  row.megabytes.toFixed(1),
]);
const header = ['STEP', 'WAY', 'SECONDS', 'TO BAKERY', 'RUN STEPS EXECUTED', 'MB PUSHED'];
const sorted = cells.toSorted((a, b) => (a[0] ?? '').localeCompare(b[0] ?? ''));
process.stdout.write(`${table(header, sorted)}\n`);
const out = process.argv.find((argument) => argument.startsWith('--out='))?.slice('--out='.length);
if (out !== undefined) {
  await appendFile(
    out,
    [header, header.map(() => '---'), ...sorted].map((row) => `| ${row.join(' | ')} |\n`).join(''),
  );
}
