import { describe, expect, test } from 'vitest';
import { nothingAttested } from '../../../bakery/builder/attest.rules.ts';
import { describePublication, publicationJson } from '../../../bakery/cli/dry-run.ts';
import { layerReference } from '../../../bakery/composer/layer-names.rules.ts';
import type { Layer } from '../../../bakery/plan/plan.rules.ts';
import {
  type FoundImage,
  layersToFind,
  planPublication,
  type PublicationPlan,
  type PublicationRequest,
} from '../../../bakery/publisher/publication.rules.ts';
import { includes, type Step, steps } from '../../../bakery/publisher/steps.rules.ts';
import { digest } from '../support.ts';
import { foundImage, image, indexOf, request, type State } from './images.ts';

/** The plan of a publication, for every request and every state of the registry. */

const layer: Layer = {
  id: 'agent/otter linux/amd64',
  platform: 'linux/amd64',
  stage: 'agent',
  key: digest('b'),
  dockerfile: '',
  context: 'agents/otter',
  files: [],
};
const where = 'registry.example.com/ai';
const of = image({ runtime: 'base', layers: [layer.id], platforms: ['linux/amd64'] });
const signing = { with: 'keyless' } as const;
const attested = { provenance: 'min', sbom: undefined } as const;

const planOf = (
  images: readonly FoundImage[],
  changes: Partial<PublicationRequest> = {},
  has: readonly Layer[] = [],
): PublicationPlan => {
  const all = images.map(({ subject }) => subject);
  const plan = { layers: [layer], images: all.map((one) => one.image), subjects: all };
  const asked = request(changes);
  const layers = layersToFind(plan, images, asked).map((one) => ({
    layer: one,
    reference: layerReference(where, one),
    manifest: has.includes(one) ? indexOf(of) : undefined,
  }));
  return planPublication(plan, { images, unseen: [], layers }, asked);
};

/** Reasons of all writes, each once. */
const reasons = ({ writes }: PublicationPlan): string[] => [
  ...new Set(writes.map(({ reason }) => reason)),
];

type Case = {
  readonly from: Step;
  readonly until: Step;
  readonly sign: boolean;
  readonly attest: boolean;
};

const cases: readonly Case[] = steps.flatMap((from) =>
  steps
    .filter((until) => includes(until, from))
    .flatMap((until) =>
      [false, true].flatMap((sign) =>
        [false, true].map((attest) => ({ from, until, sign, attest })),
      ),
    ),
);

test('there are all combinations of steps, signatures and attestations', () => {
  expect(cases).toHaveLength(6 * 4);
});

describe.each(cases)('from $from until $until, signed: $sign, attested: $attest', (one) => {
  const { from, until, sign, attest } = one;
  const changes: Partial<PublicationRequest> = {
    from,
    until,
    ...(sign ? { signing } : {}),
    attest: attest ? attested : nothingAttested,
  };
  const plan = (state: State): PublicationPlan =>
    planOf([foundImage(of, state, sign ? false : undefined)], changes);
  const promotes = until === 'promote' ? [...(sign ? ['signed'] : []), 'promoted'] : [];
  const tests = includes(until, 'test') ? ['tested'] : [];

  test('an image that the registry lacks', () => {
    const found = plan('missing');
    const isStaged = from === 'stage';
    expect(found.tooEarly.map(({ why }) => why)).toEqual(isStaged ? [] : ['not staged']);
    expect(reasons(found)).toEqual(
      isStaged ? [...(attest ? [] : ['layer', 'frame']), 'staged', ...tests, ...promotes] : [],
    );
    expect(found.builds).toEqual(
      isStaged ? [{ layer, reference: attest ? undefined : layerReference(where, layer) }] : [],
    );
    expect(found.compositions).toHaveLength(isStaged ? 1 : 0);
    expect(found.tests).toHaveLength(isStaged ? tests.length : 0);
  });

  test('one that is staged', () => {
    const found = plan('staged');
    const isEarly = from === 'promote';
    expect(found.tooEarly.map(({ why }) => why)).toEqual(
      isEarly ? ['not tested on linux/amd64'] : [],
    );
    expect(reasons(found)).toEqual(isEarly ? [] : [...tests, ...promotes]);
  });

  test('one that is tested', () => {
    expect(reasons(plan('tested'))).toEqual(promotes);
  });

  test('one that is up to date', () => {
    expect(reasons(plan('current'))).toEqual(promotes.filter((reason) => reason === 'signed'));
  });
});

test('each write names its image or its layer', () => {
  const { writes } = planOf([foundImage(of, 'missing')]);
  expect(writes.map(({ reason, subject }) => [reason, subject.id])).toEqual([
    ['layer', layer.id],
    ...['frame', 'staged', 'tested', 'promoted', 'promoted', 'promoted'].map((reason) => [
      reason,
      of.id,
    ]),
  ]);
});

test('a layer that the registry has is not built', () => {
  const { builds, reused } = planOf([foundImage(of, 'missing')], {}, [layer]);
  expect([builds, reused.map((one) => one.layer)]).toEqual([[], [layer]]);
});

test('nothing of an image that is too early is built for it', () => {
  const asked = { from: 'test' } as const;
  const plan = { layers: [layer], images: [of], subjects: [] };
  expect(layersToFind(plan, [foundImage(of, 'missing')], request(asked))).toEqual([]);
  expect(layersToFind(plan, [foundImage(of, 'missing')], request())).toEqual([layer]);
});

test('an image that is up to date is built again if that is requested', () => {
  const { compositions } = planOf([foundImage(of, 'current')], { force: true });
  expect(compositions.map(({ changes }) => changes)).toEqual([['asked for again']]);
});

describe('a tag that would lose a platform', () => {
  const both = image({ runtime: 'base' });
  const found = foundImage(image({ ...of, key: digest('9') }), 'missing');
  const before = { ...found.held, tags: new Map([['base', indexOf(both)]]) };

  test('is not among the writes', () => {
    const plan = planOf([{ ...found, held: before }]);
    expect(plan.orders.map(({ refusal }) => refusal)).toEqual([
      'base has linux/arm64, which this would take away',
    ]);
    expect(reasons(plan)).toEqual(['layer', 'frame', 'staged', 'tested']);
    expect(describePublication(plan)).toContain('failed     base has linux/arm64');
  });

  test('is, if losing it is allowed', () => {
    const plan = planOf([{ ...found, held: before }], { dropPlatforms: true });
    expect(plan.orders.map(({ refusal }) => refusal)).toEqual([undefined]);
    expect(reasons(plan)).toContain('promoted');
  });
});

describe('a dry run', () => {
  const missing = foundImage(of, 'missing');

  test('until stage names no public tag', () => {
    const text = describePublication(planOf([missing], { until: 'stage' }));
    expect(text).toMatch(/^write \S+:stg-/m);
    expect(text).not.toMatch(/^write \S+:(base|latest|1\.2\.3-base|tested-.*)$/m);
    expect(text).toContain('3 tags would be written; nothing was done');
  });

  test('from promote says why an image is too early, and writes nothing', () => {
    const plan = planOf([missing], { from: 'promote' });
    expect(describePublication(plan)).toMatch(/ai-otter:base +failed +not staged$/m);
    expect(publicationJson(plan)).toMatchObject({
      layers: [],
      images: [{ step: 'build', writes: [], why: 'not staged' }],
      writes: [],
    });
  });

  test('names tests and scan if they come first', () => {
    const scanning = { with: 'trivy' } as const;
    expect(describePublication(planOf([missing], { scanning }))).toContain(
      '7 tags would be written, after their tests and a scan by trivy; nothing was done',
    );
    expect(describePublication(planOf([missing], { scanning, until: 'test' }))).toContain(
      '4 tags would be written, after their tests; nothing was done',
    );
  });
});
