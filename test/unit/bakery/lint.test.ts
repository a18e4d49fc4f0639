import { describe, expect, test } from 'vitest';
import { lintDockerfile, ruleNames } from '../../../bakery/templates/lint.rules.ts';
import { digest } from '../support.ts';

const pinned = `docker.io/library/debian:13@${digest('a')}`;
const native = `FROM --platform=$BUILDPLATFORM ${pinned}`;

/** A stage that builds, and a last one that links: nothing is wrong with it. */
const file = (build: string, last = 'COPY --link --from=build /out/ /'): string =>
  `${native} AS build\n${build}\nFROM ${pinned} AS image\n${last}\n`;

const npm = 'npm ci --ignore-scripts --os=linux --cpu=arm64 --libc=glibc';
const pip = 'pip install --require-hashes --only-binary :all: -r x';

type Row = {
  readonly rule: string;
  readonly what: string;
  /** Of the instruction that breaks the rule, and no other does. */
  readonly line: number;
  readonly broken: string;
  readonly fine: string;
};

const rows: readonly Row[] = [
  {
    rule: 'emulated-run',
    what: 'a step of the target platform',
    line: 2,
    broken: `FROM ${pinned} AS a\nRUN id\nFROM ${pinned}\n`,
    fine: `${native} AS a\nRUN id\nFROM ${pinned}\n`,
  },
  {
    rule: 'final-stage',
    what: 'a folder made in the last stage',
    line: 4,
    broken: file('RUN id', 'WORKDIR /x'),
    fine: file('WORKDIR /x', 'USER node'),
  },
  {
    rule: 'final-stage',
    what: 'a file added in the last stage',
    line: 4,
    broken: file('RUN id', 'ADD a /b'),
    fine: file('ADD a /b', 'ENV A=b'),
  },
  {
    rule: 'copy-without-link',
    what: 'a plain COPY in the last stage',
    line: 4,
    broken: file('RUN id', 'COPY --from=build /out/ /'),
    fine: file('COPY a /out/'),
  },
  {
    rule: 'link-with-chmod',
    what: 'a mode on a linked COPY',
    line: 4,
    broken: file('RUN id', 'COPY --link --chmod=0755 --from=build /out/ /'),
    fine: file('COPY --chmod=0755 a /out/'),
  },
  {
    rule: 'link-destination',
    what: 'a folder linked into another',
    line: 4,
    broken: file('RUN id', 'COPY --link --from=build /out/usr/ /usr/'),
    fine: file('COPY usr/ /usr/'),
  },
  {
    rule: 'link-destination',
    what: 'a file linked by name',
    line: 4,
    broken: file('RUN id', 'COPY --link --from=build /out/x /opt/x'),
    fine: file('COPY x /opt/x'),
  },
  {
    rule: 'symlinked-folder',
    what: 'a step that makes /lib',
    line: 2,
    broken: file('RUN install -d /out/lib'),
    fine: file('RUN install -d /out/usr/lib /out/library'),
  },
  {
    rule: 'symlinked-folder',
    what: 'a script that makes /bin',
    line: 2,
    broken: file('RUN <<EOF\nset -eu\nmkdir -p /out/bin\nEOF'),
    fine: file('RUN <<EOF\nmkdir -p /out/opt/bin\nEOF'),
  },
  {
    rule: 'link-with-chown',
    what: 'an owner',
    line: 4,
    broken: file('RUN id', 'COPY --link --chown=1000:1000 --from=build /out/ /'),
    fine: file('RUN install -d --owner=1000 /out/home/node', 'COPY --link --from=build /out/ /'),
  },
  {
    rule: 'unpinned-from',
    what: 'an image by tag',
    line: 1,
    broken: 'FROM --platform=$BUILDPLATFORM debian:13 AS a\nFROM scratch\n',
    fine: `${native} AS a\nFROM a AS b\nFROM scratch\n`,
  },
  {
    rule: 'unpinned-from',
    what: 'an image by name',
    line: 3,
    broken: `${native} AS a\nRUN id\nFROM debian\n`,
    fine: `${native} AS a-arm64\nFROM a-\${TARGETARCH}\n`,
  },
  {
    rule: 'npm-scripts',
    what: 'npm with scripts',
    line: 2,
    broken: file('RUN npm ci --os=linux --cpu=arm64 --libc=glibc'),
    fine: file(`RUN ${npm}`),
  },
  {
    rule: 'npm-scripts',
    what: 'npm for the build platform',
    line: 2,
    broken: file('RUN npm ci --ignore-scripts --cpu=arm64 --libc=glibc'),
    fine: file(`RUN ${npm.replace(' --os', ' \\\n --os')}`),
  },
  {
    rule: 'npm-scripts',
    what: 'npm for the build architecture',
    line: 2,
    broken: file('RUN npm install --ignore-scripts --os=linux --libc=glibc'),
    fine: file('RUN npm --version'),
  },
  {
    rule: 'npm-scripts',
    what: 'npm in a script',
    line: 2,
    broken: file('RUN <<EOF\nset -eu\nnpm i --ignore-scripts --os=linux --cpu=x64\nEOF'),
    fine: file(`RUN <<EOF\n# npm ci would fail\n${npm}\nEOF`),
  },
  {
    rule: 'pip-unhashed',
    what: 'pip without hashes',
    line: 2,
    broken: file('RUN pip install --only-binary :all: -r x'),
    fine: file(`RUN ${pip}`),
  },
  {
    rule: 'pip-unhashed',
    what: 'pip with source packages',
    line: 2,
    broken: file('RUN uv pip install --require-hashes -r x'),
    fine: file(`RUN <<EOF\nuv ${pip.replace(' -r', ' \\\n -r')}\nEOF`),
  },
  {
    rule: 'unverified-download',
    what: 'a download without hash',
    line: 2,
    broken: file('ADD https://example.com/x /x'),
    fine: file(`ADD --checksum=${digest('b')} https://example.com/x /x`),
  },
  {
    rule: 'duplicate-stage',
    what: 'two stages of one name',
    line: 1,
    broken: `${native} AS a\nRUN id\nFROM ${pinned} AS b\nFROM ${pinned} AS a\n`,
    fine: `${native} AS a\nRUN id\nFROM ${pinned} AS b\n`,
  },
];

const found = (text: string): string[] =>
  lintDockerfile(text).map(({ line, rule }) => `${line} ${rule}`);

describe('a trap', () => {
  test('is not seen where there is none', () => {
    expect(found(file('RUN id'))).toEqual([]);
  });

  test.each(rows.filter(({ rule }) => rule !== 'duplicate-stage'))(
    '$rule is seen in $what, and alone',
    ({ rule, line, broken }) => {
      expect(found(broken)).toEqual([`${line} ${rule}`]);
    },
  );

  test('duplicate-stage is seen in both stages', () => {
    const row = rows.find(({ rule }) => rule === 'duplicate-stage');
    expect(found(row?.broken ?? '')).toEqual(['1 duplicate-stage', '4 duplicate-stage']);
  });

  test.each(rows)('$rule is not seen in what is almost $what', ({ fine }) => {
    expect(found(fine)).toEqual([]);
  });

  test.each(ruleNames)('%s has a row in this table', (name) => {
    expect(rows.map(({ rule }) => rule)).toContain(name);
  });

  test('is seen whatever the case of the instruction', () => {
    expect(found(`from ${pinned} as a\nrun id\nfrom ${pinned}\n`)).toEqual(['2 emulated-run']);
  });

  test('is explained', () => {
    const [issue] = lintDockerfile(file('ADD http://example.com/x /x'));
    expect(issue?.message).toBe('ADD from the network needs --checksum');
  });

  test('is seen together with the others of its line', () => {
    expect(found(`FROM debian\nRUN npm i x && curl x\n`)).toEqual([
      '1 unpinned-from',
      '2 emulated-run',
      '2 final-stage',
      '2 npm-scripts',
    ]);
  });
});
