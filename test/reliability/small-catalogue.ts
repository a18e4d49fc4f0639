import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { makeTinyCatalogue, type TinyCatalogue } from '../bake/tiny-catalogue.ts';
import { docker, nonce, run, upstream } from '../e2e/support.ts';

/** The tiny catalogue on a base of two megabytes: what is pushed and pulled hundreds of times is small as well. */
export type SmallCatalogue = TinyCatalogue & {
  /** Changes the runtime `mini`, and with it the images of all agents on it. */
  readonly setRuntime: (word: string) => Promise<void>;
};

const name = 'docker.io/reliability/shell:1';

/** A shell, `cat` and a user, for both platforms; nothing of the foreign one is run. */
const dockerfile = (from: string): string => `
FROM ${from} AS from
FROM --platform=$BUILDPLATFORM ${from} AS files
RUN --mount=type=bind,from=from,target=/from <<EOF
set -eu
mkdir -p /out/usr/bin /out/usr/lib /out/usr/lib64 /out/etc
for each in bin lib lib64; do ln -s usr/$each /out/$each; done
cp /from/usr/bin/dash /out/usr/bin/sh
cp /from/usr/bin/cat /out/usr/bin/cat
cp /from/usr/lib/*-linux-gnu/libc.so.6 /from/usr/lib/*-linux-gnu/ld-linux-*.so.* /out/usr/lib
cp /from/usr/lib/*-linux-gnu/ld-linux-*.so.* /out/usr/lib64
echo node:x:1000:1000::/:/bin/sh > /out/etc/passwd
EOF
FROM scratch
COPY --from=files /out/ /
`;

/** @param registry a registry that the base image is put into. */
export const makeSmallCatalogue = async (
  agents: readonly string[],
  registry: string,
): Promise<SmallCatalogue> => {
  const catalogue = await makeTinyCatalogue(agents);
  const { root } = catalogue;
  const tag = `${registry}/reliability/shell:1`;
  const metadata = join(root, 'base.json');
  const flags = ['--platform=linux/amd64,linux/arm64', '--push', '--provenance=false'];
  const built = await run(
    'docker',
    ['buildx', 'build', ...flags, `--tag=${tag}`, `--metadata-file=${metadata}`, '-'],
    { input: dockerfile(await upstream('node:24-trixie-slim')) },
  );
  if (built.code !== 0) throw new Error(built.stderr);
  const { 'containerimage.digest': digest } = JSON.parse(
    await readFile(metadata, 'utf8'),
  ) as Record<string, string>;
  const local = join(root, 'bakery.local.yaml');
  const settings = (parse(await readFile(local, 'utf8').catch(() => '{}')) ?? {}) as {
    mirrors?: Record<string, string>;
    upstreamLock?: string;
  };
  const mirrors = { ...settings.mirrors, 'docker.io/reliability': `${registry}/reliability` };
  // Nothing takes as long here, unless it does not end.
  await writeFile(local, stringify({ ...settings, mirrors, patience: 20 }));
  await appendFile(
    join(root, settings.upstreamLock ?? 'upstream.lock.yaml'),
    `${name}: ${digest}\n`,
  );
  await writeFile(
    join(root, 'runtimes', 'base', 'runtime.yaml'),
    `title: Base\nfrom: ${name}\nbudget: 1\n`,
  );
  const write = (runtime: string, files: Readonly<Record<string, string>>): Promise<void> =>
    writeFile(
      join(root, 'runtimes', runtime, 'Dockerfile.hbs'),
      [
        'FROM --platform=$BUILDPLATFORM {{upstream from}} AS {{stage}}',
        'WORKDIR /out/usr/local/share',
        ...Object.entries(files).map(([file, text]) => `RUN echo ${text} > ${file}`),
        '',
      ].join('\n'),
    );
  const setRuntime = (word: string): Promise<void> => write('mini', { mini: 'mini', word });
  await write('base', { base: nonce() });
  await setRuntime(nonce());
  return {
    ...catalogue,
    setRuntime,
    close: async () => {
      // BuildKit leaves in the engine what it pushes.
      await docker('image', 'rm', '--force', tag);
      await catalogue.close();
    },
  };
};
