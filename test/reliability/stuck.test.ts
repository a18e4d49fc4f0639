import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { emulation } from '../support/emulation.ts';
import { startBakery } from '../e2e/fake-caller.ts';
import { bakery, nonce, type Ran } from '../e2e/support.ts';
import { atMost, type Faults, noFaults } from './faults.ts';
import type { RegistryRequest } from './request.ts';
import { openRig, type Rig } from './rig.ts';

/** The bakery does not wait for ever, though BuildKit and docker do. */

const agent = `e2e-${nonce()}`;
let rig: Rig;

beforeAll(async () => {
  await emulation.on();
  rig = await openRig([agent]);
});
afterAll(() => rig.close());
let version = 0;
beforeEach(async () => {
  version += 1;
  await rig.catalogue.setAgent(agent, `1.${version}.0`);
  rig.proxy.inject(noFaults);
  rig.proxy.forget();
});

/** No answer to the first request of this kind. */
const once = (isIt: (request: RegistryRequest) => boolean): Faults =>
  atMost(1, (request) => (isIt(request) ? { kind: 'no answer', amount: 0 } : undefined));
const uploadsBlob = ({ about, method }: RegistryRequest): boolean =>
  about === 'upload' && method === 'PUT';
const readsBlob = ({ about, method }: RegistryRequest): boolean =>
  about === 'blob' && method === 'GET';

const args = (...more: readonly string[]): string[] => [
  '--root',
  rig.catalogue.root,
  'publish',
  '--registry',
  `${rig.proxy.address}/ai`,
  '--json',
  ...more,
];
const publish = (...more: readonly string[]): Promise<Ran> => bakery(args(...more));
const unanswered = (): number =>
  rig.proxy.log().filter(({ fault }) => fault === 'no answer').length;

/** A token ends at the beginning of an upload, and the token service fails twice then: containerd, which pushes, never comes back. */
const lostToken = (): Faults => {
  const ends = atMost(1, (request) =>
    uploadsBlob(request) ? { kind: 'expired token', amount: 0 } : undefined,
  );
  let hasEnded = false;
  const fails = atMost(2, ({ about }) =>
    hasEnded && about === 'token'
      ? { kind: 'reset before the registry is asked', amount: 0 }
      : undefined,
  );
  return (request) => {
    const fault = ends(request) ?? fails(request);
    hasEnded ||= fault !== undefined;
    return fault;
  };
};

test.each([
  ['is not answered', once(uploadsBlob), ['no answer']],
  [
    'has lost its token',
    lostToken(),
    ['expired token', 'reset before the registry is asked', 'reset before the registry is asked'],
  ],
])('a push that %s stands still, and is begun again', async (_, faults, injected) => {
  rig.proxy.inject(faults);
  const { code, stdout, stderr } = await publish();
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  expect(rig.proxy.log().flatMap(({ fault }) => fault ?? [])).toEqual(injected);
  // The one that was ended; the next one went well.
  expect(stderr.match(/^✖ .*/gm), stderr).toHaveLength(1);
});

test('and so is a pull', async () => {
  const staged = await publish('--until', 'stage');
  expect(staged.code, staged.stderr).toBe(0);
  rig.proxy.forget();
  // Nobody but docker reads blobs of what is staged.
  rig.proxy.inject(once(readsBlob));
  const { code, stdout, stderr } = await publish();
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  expect(unanswered()).toBe(1);
});

test('with more patience, the same push stands still', async () => {
  const path = join(rig.catalogue.root, 'bakery.local.yaml');
  const settings = parse(await readFile(path, 'utf8')) as { patience: number };
  await writeFile(path, stringify({ ...settings, patience: 3600 }));
  try {
    rig.proxy.inject(once(uploadsBlob));
    const caller = startBakery(args());
    const first = await Promise.race([caller.ended, setTimeout(60_000, 'still there' as const)]);
    expect(first).toBe('still there');
    expect(rig.proxy.underWay()).toMatchObject([{ fault: 'no answer' }]);
    process.kill(-caller.pid, 'SIGKILL');
    await caller.ended;
  } finally {
    await writeFile(path, stringify(settings));
  }
});
