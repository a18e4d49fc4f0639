import { expect, test } from 'vitest';
import { ruleNames } from '../../bakery/templates/lint.rules.ts';
import { describeTraps, emulatedRun, files, link, native, type Trap } from './trap.ts';
import {
  here,
  mergedFolders,
  npmTree,
  onTwoBases,
  ownerOf,
  there,
  word,
  wordTwice,
  type World,
} from './trap-builds.ts';

/**
 * The purpose of each rule of lint: a real build breaks it and shows the damage, another keeps it and shows no damage. Lint
 * reads the very text that is built.
 */

/** Two bases, which differ in the mode of folders, a stage that builds one file, and the last stage. */
const twoBases =
  (...last: readonly string[]) =>
  ({ node }: World): string =>
    `ARG BASE
${native} ${node} AS base-open
RUN mkdir --mode=0775 /opt/tool /srv/data
${native} ${node} AS base-closed
RUN mkdir --mode=0700 /opt/tool /srv/data
${native} ${node} AS build
RUN mkdir -p /out/opt/tool && echo word >/out/opt/tool/word
FROM base-$BASE AS image
${last.join('\n')}
`;

/** One layer, made once. */
const linked = { layers: 1, shared: 1, copies: 1 };

/** npm, without network, in a stage of the build platform. */
const npm =
  (flags: string) =>
  ({ node }: World): string =>
    `${native} ${node} AS build
WORKDIR /out
COPY npm/ ./
RUN --network=none npm install --install-links --no-audit --no-fund ${flags}
${files}`;

/** pip, as uv has it, without network, in a stage of the build platform. */
const pip =
  (packages: string, flags: string) =>
  ({ python, uv }: World): string =>
    `${native} ${uv} AS uv
${native} ${python} AS build
COPY ${packages}/ /packages/
RUN --network=none --mount=type=bind,from=uv,source=/uv,target=/usr/local/bin/uv \\
    uv pip install --no-cache --no-index --find-links /packages --python /usr/local/bin/python3 \\
    --target /out --python-platform ${there.uname}-manylinux_2_36 ${flags}
${files}`;

const traps: readonly Trap[] = [
  ...[
    { instruction: 'WORKDIR /srv/data/work', what: 'a folder entered' },
    { instruction: 'ADD one /srv/data/one', what: 'a file added' },
    {
      instruction: 'RUN touch /srv/data/run',
      what: 'a step run',
      besides: { 'emulated-run': 'a last stage is of the target platform' },
    },
  ].map(({ instruction, what, ...rest }) => ({
    rule: 'final-stage',
    harm: `${what} in the last stage is a second layer, and every image has its own`,
    broken: twoBases(instruction, link),
    kept: twoBases(link, 'ENV WORD=one', 'USER node'),
    see: onTwoBases,
    damage: { layers: 2, shared: 1, copies: 1 },
    sound: linked,
    ...rest,
  })),
  {
    rule: 'copy-without-link',
    harm: 'a file copied takes its folder along as the base has it, so each base gets another layer',
    broken: twoBases('COPY --from=build /out/opt/tool/word /opt/tool/word'),
    kept: twoBases(link),
    see: onTwoBases,
    damage: { layers: 1, shared: 0, copies: 2 },
    sound: linked,
  },
  {
    rule: 'copy-without-link',
    harm: 'a tree copied is copied again for every base, even where the layer comes out the same',
    broken: twoBases('COPY --from=build /out/ /'),
    kept: twoBases(link),
    see: onTwoBases,
    damage: { layers: 1, shared: 1, copies: 2 },
    sound: linked,
  },
  {
    rule: 'link-with-chmod',
    harm: 'a tree linked with a mode is copied again for every base',
    broken: twoBases('COPY --link --chmod=0755 --from=build /out/ /'),
    kept: twoBases(link),
    see: onTwoBases,
    damage: { layers: 1, shared: 1, copies: 2 },
    sound: linked,
  },
  {
    rule: 'link-with-chmod',
    harm: 'a file linked with a mode takes its folder along as the base has it',
    broken: twoBases('COPY --link --chmod=0755 --from=build /out/opt/tool/word /opt/tool/word'),
    kept: twoBases(link),
    see: onTwoBases,
    damage: { layers: 1, shared: 0, copies: 2 },
    sound: linked,
    besides: { 'link-destination': 'a tree would bring the modes of its folders with it' },
  },
  {
    rule: 'link-destination',
    harm: 'a file linked into the home folder gives /home to the user',
    besides: { 'link-with-chown': 'the file is to be the user’s' },
    broken: ({ node }) => `FROM ${node}\nCOPY --link --chown=1000:1000 one /home/node/one\n`,
    kept: ({ node }) => `${native} ${node} AS build
RUN install -d --owner=1000 --group=1000 --mode=0700 /out/home/node
COPY --chown=1000:1000 one /out/home/node/one
FROM ${node}
${link}
`,
    see: ownerOf('/home'),
    damage: '1000:1000',
    sound: '0:0',
  },
  {
    rule: 'symlinked-folder',
    harm: 'a folder linked where the base has a symlink replaces it, and no program starts any more',
    broken: ({ node }) =>
      `${native} ${node} AS build\nRUN mkdir -p /out/bin /out/lib /out/var/run\nFROM ${node}\n${link}\n`,
    kept: ({ node }) =>
      `${native} ${node} AS build\nRUN mkdir -p /out/usr/bin /out/usr/lib /out/run\nFROM ${node}\n${link}\n`,
    see: mergedFolders,
    damage: {
      symlinks: ['sbin', 'usr/local/man', 'var/lock'],
      started: expect.stringContaining('no such file or directory'),
    },
    sound: {
      symlinks: ['bin', 'lib', 'sbin', 'usr/local/man', 'var/lock', 'var/run'],
      started: 'it starts',
    },
  },
  ...['node', '1000:node'].map((owner) => ({
    rule: 'link-with-chown',
    harm: `an owner ${owner}, whom the base knows, is not known to a linked layer`,
    broken: ({ node }: World) =>
      `${native} ${node} AS build\nCOPY one /out/one/one\nFROM ${node}\n${link.replace('--link', `--link --chown=${owner}`)}\n`,
    kept: ({ node }: World) =>
      `${native} ${node} AS build\nCOPY --chown=${owner} one /out/one/one\nFROM ${node}\n${link}\n`,
    see: ownerOf('/one/one'),
    damage: expect.stringMatching(/invalid (user|group) index/),
    sound: '1000:1000',
  })),
  {
    rule: 'link-with-chown',
    harm: 'a tree linked with an owner gives /home to that owner',
    broken: ({ node }) =>
      `${native} ${node} AS build\nCOPY one /out/home/node/one\nFROM ${node}\n${link.replace('--link', '--link --chown=1000:1000')}\n`,
    kept: ({ node }) => `${native} ${node} AS build
RUN install -d --owner=1000 --group=1000 --mode=0700 /out/home/node
COPY --chown=1000:1000 one /out/home/node/one
FROM ${node}
${link}
`,
    see: ownerOf('/home'),
    damage: '1000:1000',
    sound: '0:0',
  },
  {
    rule: 'unpinned-from',
    harm: 'the same text builds something else when the tag has moved',
    broken: ({ tag }) => `FROM ${tag} AS build\n${files}`,
    kept: ({ tag, digest }) => `FROM ${tag}@${digest} AS build\n${files}`,
    see: wordTwice('tag'),
    damage: ['one', 'two'],
    sound: ['one', 'one'],
  },
  {
    rule: 'npm-scripts',
    harm: 'the script of a package leaves what is for the build platform in the tree of the target',
    broken: npm(`--os=linux --cpu=${there.node} --libc=glibc`),
    kept: npm(`--ignore-scripts --os=linux --cpu=${there.node} --libc=glibc`),
    see: npmTree,
    damage: { packages: [`for-${there.node}`, 'scripted'], builtFor: here.node },
    sound: { packages: [`for-${there.node}`, 'scripted'], builtFor: undefined },
  },
  {
    rule: 'npm-scripts',
    harm: 'without the target’s name npm chooses packages for the build platform',
    broken: npm('--ignore-scripts'),
    kept: npm(`--ignore-scripts --os=linux --cpu=${there.node} --libc=glibc`),
    see: npmTree,
    damage: { packages: [`for-${here.node}`, 'scripted'], builtFor: undefined },
    sound: { packages: [`for-${there.node}`, 'scripted'], builtFor: undefined },
  },
  {
    rule: 'pip-unhashed',
    harm: 'a source package runs its own code, which finds the build platform',
    broken: pip('source', '--require-hashes --requirements /packages/requirements.txt'),
    kept: pip(
      'source',
      '--require-hashes --only-binary :all: --requirements /packages/requirements.txt',
    ),
    see: word,
    damage: here.uname,
    sound: expect.stringContaining('building from source is disabled'),
  },
  {
    rule: 'pip-unhashed',
    harm: 'a package that changed under its version is taken',
    broken: pip('wheel', '--only-binary :all: trap==1.0'),
    kept: pip(
      'wheel',
      '--require-hashes --only-binary :all: --requirements /packages/requirements.txt',
    ),
    see: wordTwice('wheel'),
    damage: ['one', 'two'],
    sound: ['one', expect.stringContaining('Hash mismatch')],
  },
  {
    rule: 'unverified-download',
    harm: 'a download that is not what it was is taken',
    broken: ({ download }) =>
      `FROM scratch AS build\nADD ${download('broken').url} /out/word\n${files}`,
    kept: ({ download }) => {
      const { url, checksum } = download('kept');
      return `FROM scratch AS build\nADD --checksum=${checksum} ${url} /out/word\n${files}`;
    },
    // The wrong content comes first: once the right one is in the cache, nothing is downloaded again.
    see: wordTwice('download', ['two', 'one']),
    damage: ['two', 'one'],
    sound: [expect.stringContaining('digest mismatch'), 'one'],
  },
  {
    rule: 'duplicate-stage',
    harm: 'the later stage of the name is taken',
    broken: () =>
      `FROM scratch AS build\nCOPY one /out/word\nFROM scratch AS build\nCOPY two /out/word\n${files}`,
    kept: () =>
      `FROM scratch AS build\nCOPY one /out/word\nFROM scratch AS other\nCOPY two /out/word\n${files}`,
    see: word,
    damage: 'two',
    sound: 'one',
  },
];

test('every rule has its damage shown, and nothing else has', () => {
  expect(new Set([...traps, emulatedRun].map(({ rule }) => rule))).toEqual(new Set(ruleNames));
});

describeTraps(traps);
