import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { emulation } from '../support/emulation.ts';
import { checkout } from '../e2e/support.ts';
import { isFull } from '../support/full.ts';
import { describeFigures, openFigures, writeFigures } from './figures.ts';
import { type Lane, openLane } from './lane.ts';

/** Publications with faults and kills: after each, every public tag is sound; repeated without faults, each converges. */

const runs = Number(process.env['RUNS'] ?? (isFull ? 100 : 4));
/** The number of lanes at a time, each with a registry and a catalogue of its own. */
const lanes = Number(process.env['LANES'] ?? (isFull ? 2 : 1));
/** When no more are begun, however many are left. */
const minutes = Number(process.env['MINUTES'] ?? Number.POSITIVE_INFINITY);
/** `SEED=…` brings back the changes, faults and kills of a series. */
const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));

const figures = openFigures(seed);
let opened: readonly Lane[] = [];

beforeAll(async () => {
  await emulation.on();
  opened = await Promise.all(Array.from({ length: lanes }, () => openLane(seed, figures)));
});
afterAll(async () => {
  await Promise.all(opened.map((lane) => lane.close()));
});

const inEachLane = async (
  work: (lane: Lane, at: number) => Promise<readonly string[]>,
): Promise<readonly string[]> => (await Promise.all(opened.map(work))).flat();

test('a first publication, without faults, is sound', async () => {
  expect(await inEachLane((lane) => lane.begin())).toEqual([]);
});

test(`${runs} publications with faults, half of them killed (SEED=${seed})`, async () => {
  const started = performance.now();
  const problems = await inEachLane(async (lane, at) => {
    const found: string[] = [];
    const end = started + minutes * 60_000;
    for (let run = at + 1; run <= runs && performance.now() < end; run += lanes)
      found.push(...(await lane.run(run)));
    return found;
  });
  figures.seconds = (performance.now() - started) / 1000;
  expect(problems.join('\n')).toBe('');
  expect(figures.converged).toBe(figures.runs);
  // It did go wrong: otherwise this would prove nothing.
  expect(figures.faults.size).toBeGreaterThan(0);
  expect(figures.kills.size).toBeGreaterThan(0);
});

test('all of it once more, to the last byte', async () => {
  expect(await inEachLane((lane) => lane.end())).toEqual([]);
  const text = describeFigures(figures, new Date().toISOString().slice(0, 10));
  console.log(text);
  if (process.env['UPDATE'] !== undefined)
    await writeFigures(join(checkout, 'docs/reliability.md'), text);
});
