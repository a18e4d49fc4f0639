import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PublicationJson } from '../../bakery/cli/dry-run.ts';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { bakery, type Ended } from './bakery.ts';

/** Dry runs against a registry that has nothing. */

let empty: Server;
let where = '';

beforeAll(async () => {
  empty = createServer((_, response) => response.writeHead(404).end());
  await once(empty.listen(0, '127.0.0.1'), 'listening');
  where = `127.0.0.1:${(empty.address() as AddressInfo).port}/ai`;
});
afterAll(() => {
  empty.close();
});

const publish = (...args: readonly string[]): Promise<Ended> =>
  bakery(['publish', 'otter', '--runtime', 'base', '--registry', where, ...args]);

/** Tags of the image that the text names as writes, `*` for hexadecimal digits. */
const tagsOf = ({ stdout }: Ended): string[] =>
  [...stdout.matchAll(/^write \S+\/ai-otter:(\S+)$/gm)].map(([, tag = '']) =>
    tag.replaceAll(/[0-9a-f]{12}/g, '*'),
  );

test('a whole publication writes staging tags, records of tests, and public tags', async () => {
  const ran = await publish('--dry-run');
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect(tagsOf(ran)).toEqual([
    'stg-*',
    'stg-*',
    'tested-*-amd64',
    'tested-*-arm64',
    '1.2.3-base',
    'base',
    'latest',
  ]);
});

test.each([
  ['stage', ['stg-*', 'stg-*']],
  ['test', ['stg-*', 'stg-*', 'tested-*-amd64', 'tested-*-arm64']],
])('until %s, no public tag is written', async (until, expected) => {
  const ran = await publish('--dry-run', '--until', until);
  expect([ran.code, tagsOf(ran)]).toEqual([0, expected]);
});

test.each(['test', 'promote'])('from %s on, it fails as the real run does', async (from) => {
  const [shown, json, real] = await Promise.all([
    publish('--dry-run', '--from', from),
    publish('--dry-run', '--from', from, '--json'),
    publish('--from', from, '--json'),
  ]);
  const plan = JSON.parse(json.stdout) as PublicationJson;
  const report = JSON.parse(real.stdout) as PublishReport;
  expect([shown.code, json.code, real.code]).toEqual([1, 1, 1]);
  expect(report.images.map(({ image, why }) => [image, why])).toEqual([
    [`${where}/ai-otter:base`, 'not staged'],
  ]);
  expect(plan.images.map(({ image, why }) => [image, why])).toEqual(
    report.images.map(({ image, why }) => [image, why]),
  );
  expect([plan.layers, plan.builds, plan.tests, plan.writes]).toEqual([[], [], [], []]);
  expect(shown.stdout).toMatch(/ai-otter:base +failed +not staged$/m);
  expect(shown.stdout).toContain('0 tags would be written; nothing was done');
});
