import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublicationJson } from '../../bakery/cli/dry-run.ts';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import type { Step } from '../../bakery/publisher/steps.rules.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { bakery, nonce, type Ran, run } from '../e2e/support.ts';
import { makeSmallCatalogue, type SmallCatalogue } from '../reliability/small-catalogue.ts';
import { type Recorder, recordRequests } from './recorder.ts';

/** The writes that a dry run prints are those that the registry sees, whatever is asked of a publication. */

const agent = 'e2e-dry';
const native = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
const registry = openRegistry(new AbortController().signal);
const password = { COSIGN_PASSWORD: 'of this test' };
const hasCosign = spawnSync('cosign', ['version']).status === 0;

let catalogue: SmallCatalogue;
let recorder: Recorder;
const namespace = `e2e-dry-run-${nonce()}`;

beforeAll(async () => {
  catalogue = await makeSmallCatalogue([agent], '127.0.0.1:5000');
  await catalogue.setAgent(agent, '1.0.0', { platforms: [native] });
  recorder = await recordRequests('127.0.0.1:5000');
  if (!hasCosign) return;
  const args = ['generate-key-pair', '--output-key-prefix=cosign'];
  const { code, stderr } = await run('cosign', args, { cwd: catalogue.root, env: password });
  if (code !== 0) throw new Error(stderr);
});
afterAll(async () => {
  const repositories = new Set(
    written(`${namespace}/`).map((reference) => reference.slice(0, reference.lastIndexOf(':'))),
  );
  for (const repository of repositories) {
    const tags = await registry.readTags(repository);
    const found = await Promise.all(
      tags.map((tag) => registry.readManifest(`${repository}:${tag}`)),
    );
    for (const digest of new Set(found.flatMap((one) => one?.digest ?? [])))
      await registry.deleteManifest(`${repository}@${digest}`);
  }
  await recorder.close();
  await catalogue.close();
});

/** References of all tags below this path that the registry was asked to write, each once. */
const written = (path: string): string[] => [
  ...new Set(
    recorder.requests().flatMap((line) => {
      const [, repository = '', tag = ''] =
        /^PUT \/v2\/(\S+)\/manifests\/(?!sha256:)(\S+)$/.exec(line) ?? [];
      return repository.startsWith(path) ? [`${recorder.address}/${repository}:${tag}`] : [];
    }),
  ),
];

/** Whether a reference is what a dry run has announced: `*` is part of a digest. */
const isAnnounced = (reference: string, announced: string): boolean => {
  const [before = '', after] = announced.split('*');
  return after === undefined
    ? reference === announced
    : reference.startsWith(before) &&
        reference.endsWith(after) &&
        /^[0-9a-f]+$/.test(reference.slice(before.length, reference.length - after.length));
};

/** Announcements that came true other than once, and writes that were not announced. */
const differences = (announced: readonly string[], seen: readonly string[]): string[] => [
  ...announced.flatMap((one) => {
    const times = seen.filter((reference) => isAnnounced(reference, one)).length;
    return times === 1 ? [] : [`${one} was written ${times} times`];
  }),
  ...seen
    .filter((reference) => !announced.some((one) => isAnnounced(reference, one)))
    .map((reference) => `${reference} was not announced`),
];

type Asked = { readonly sign: boolean; readonly attest: boolean };

const publish = (
  name: string,
  { sign, attest }: Asked,
  [from, until]: readonly [Step, Step],
  ...args: readonly string[]
): Promise<Ran> => {
  const key = (file: string): string => join(catalogue.root, file);
  const signing = sign
    ? ['--sign', key('cosign.key'), '--public-key', key('cosign.pub')]
    : ['--no-sign'];
  const provenance = attest ? 'min' : 'off';
  const words =
    `publish --runtime base --quiet --from ${from} --until ${until} --provenance ${provenance}`.split(
      ' ',
    );
  const all = ['--root', catalogue.root, ...words, '--registry', `${recorder.address}/${name}`];
  return bakery([...all, ...signing, ...args], { env: password });
};

/** Shows a publication twice, carries it out, and compares. */
const compare = async (
  name: string,
  asked: Asked,
  range: readonly [Step, Step],
): Promise<{ readonly announced: readonly string[]; readonly differences: readonly string[] }> => {
  const before = written(`${name}/`);
  const [text, json] = await Promise.all([
    publish(name, asked, range, '--dry-run'),
    publish(name, asked, range, '--dry-run', '--json'),
  ]);
  expect([text.code, json.code], text.stderr + json.stderr).toEqual([0, 0]);
  expect(written(`${name}/`)).toEqual(before);
  const plan = JSON.parse(json.stdout) as PublicationJson;
  const announced = plan.writes.map(({ reference }) => reference);
  expect([...plan.layers, ...plan.images.flatMap(({ writes }) => writes)]).toEqual(announced);
  expect([...text.stdout.matchAll(/^write (\S+)$/gm)].map(([, one]) => one)).toEqual(announced);
  const real = await publish(name, asked, range, '--json');
  const report = JSON.parse(real.stdout) as PublishReport;
  expect(report.images.map(({ outcome, why }) => [outcome, why])).toEqual([
    [{ stage: 'staged', test: 'tested', promote: 'promoted' }[range[1]], undefined],
  ]);
  const seen = written(`${name}/`).filter((reference) => !before.includes(reference));
  return { announced, differences: differences(announced, seen) };
};

/** Ranges of steps that are published one after the other, each into what the one before has left. */
const series: readonly (readonly (readonly [Step, Step])[])[] = [
  [
    ['stage', 'stage'],
    ['test', 'test'],
    ['promote', 'promote'],
  ],
  [
    ['stage', 'stage'],
    ['test', 'promote'],
  ],
  [['stage', 'test']],
  [['stage', 'promote']],
];

test('every range of steps is among them', () => {
  expect(new Set(series.flat().map((range) => range.join()))).toHaveProperty('size', 6);
});

test('a comparison sees what is missing, and what is too much', () => {
  const announced = ['r/a:stg-1', 'r/a:tested-*-amd64', 'r/a:base'];
  expect(differences(announced, ['r/a:stg-1', 'r/a:tested-0f-amd64', 'r/a:base'])).toEqual([]);
  expect(differences(announced, ['r/a:stg-1', 'r/a:tested-0f-arm64'])).toEqual([
    'r/a:tested-*-amd64 was written 0 times',
    'r/a:base was written 0 times',
    'r/a:tested-0f-arm64 was not announced',
  ]);
});

/** A range of steps, how its announcements differ from its writes, and kinds of tags that were announced. */
type Outcome = {
  readonly range: readonly [Step, Step];
  readonly differences: readonly string[];
  readonly kinds: readonly string[];
};

const kindsOf = (announced: readonly string[]): string[] => [
  ...(announced.some((one) => one.includes('/ai-layers:')) ? ['layers'] : []),
  ...(announced.some((one) => one.endsWith('.sig')) ? ['signature'] : []),
  ...(announced.some((one) => one.endsWith(':latest')) ? ['latest'] : []),
];

const expected = (range: readonly [Step, Step], { sign, attest }: Asked): Outcome => ({
  range,
  differences: [],
  kinds: [
    ...(range[0] === 'stage' && !attest ? ['layers'] : []),
    ...(range[1] === 'promote' ? [...(sign ? ['signature'] : []), 'latest'] : []),
  ],
});

describe.each([false, true])('attestations: %s', (attest) => {
  describe.each(series.map((ranges) => ({ ranges, steps: ranges.join(' ') })))(
    '$steps',
    ({ ranges, steps }) => {
      const all = async (asked: Asked): Promise<Outcome[]> => {
        const name = `${namespace}/${steps.replaceAll(/\W/g, '-')}-${attest}-${asked.sign}`;
        const outcomes: Outcome[] = [];
        for (const range of ranges) {
          const { announced, ...rest } = await compare(name, asked, range);
          outcomes.push({ range, ...rest, kinds: kindsOf(announced) });
        }
        return outcomes;
      };

      test('without a signature', async () => {
        const asked = { sign: false, attest };
        expect(await all(asked)).toEqual(ranges.map((range) => expected(range, asked)));
      });

      test.skipIf(!hasCosign)('signed', async () => {
        const asked = { sign: true, attest };
        expect(await all(asked)).toEqual(ranges.map((range) => expected(range, asked)));
      });
    },
  );
});
