import { expect, test } from 'vitest';
import { faultKinds, randomFaults } from './faults.ts';
import { momentOf } from './killer.ts';
import { parseRequest, type RegistryRequest } from './request.ts';

/** Faults are random, and the same again for the same seed. */

const digest = `sha256:${'a'.repeat(64)}`;
const requests: readonly RegistryRequest[] = [
  ['GET', '/v2/'],
  ['GET', '/token?scope=repository:ai/image:pull'],
  ['HEAD', `/v2/ai/image/blobs/${digest}`],
  ['GET', `/v2/ai/image/blobs/${digest}`],
  ['POST', '/v2/ai/image/blobs/uploads/'],
  ['PUT', `/v2/ai/image/blobs/uploads/0d9f?digest=${digest}`],
  ['PUT', `/v2/ai/image/manifests/${digest}`],
  ['PUT', '/v2/ai/image/manifests/base'],
  ['GET', '/v2/ai/image/manifests/base'],
].map(([method = '', url = '']) => parseRequest(method, url));

test.each<[number, RegistryRequest['about'], string]>([
  [0, 'registry', ''],
  [1, 'token', ''],
  [2, 'blob', digest],
  [4, 'upload', ''],
  [5, 'upload', digest],
  [7, 'manifest', 'base'],
])('a request is known for what it is about: %i', (at, about, reference) => {
  expect(requests[at]).toMatchObject({ about, reference });
});

const many = Array.from({ length: 400 }, () => requests).flat();
const happened = (seed: number, rate: number, order = many): string[] => {
  const faults = randomFaults(seed, rate);
  return order.flatMap((request) => {
    const fault = faults(request);
    return fault === undefined ? [] : [`${request.method} ${request.about} ${fault.kind}`];
  });
};

test('the same seed, the same faults, in whatever order different requests come', () => {
  expect(happened(1, 0.1)).toEqual(happened(1, 0.1));
  expect(happened(1, 0.1).toSorted()).toEqual(happened(1, 0.1, many.toReversed()).toSorted());
  expect(happened(1, 0.1)).not.toEqual(happened(2, 0.1));
});

test('as many as asked for, and of every kind', () => {
  expect(happened(3, 0)).toEqual([]);
  const share = happened(3, 0.05).length / many.length;
  expect(share).toBeGreaterThan(0.03);
  expect(share).toBeLessThan(0.07);
  const all = happened(3, 0.5).join('\n');
  expect(faultKinds.filter((kind) => !all.includes(kind))).toEqual([]);
});

test('half of the runs are killed, at every moment', () => {
  const moments = Array.from({ length: 400 }, (_, run) => momentOf(1, run)?.name);
  const killed = moments.filter((name) => name !== undefined);
  expect(killed.length).toBeGreaterThan(150);
  expect(killed.length).toBeLessThan(250);
  expect(new Set(killed).size).toBe(7);
});
