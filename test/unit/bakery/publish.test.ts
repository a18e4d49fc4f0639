import { describe, expect, test } from 'vitest';
import type { Platform } from '../../../kernel/platform.ts';
import type { Manifest } from '../../../bakery/registry/manifest.rules.ts';
import type { Image } from '../../../bakery/plan/plan.rules.ts';
import {
  annotationsOf,
  changesOf,
  fixedTag,
  type Held,
  isWorkingTag,
  lostPlatforms,
  needOf,
  publicTags,
  stagingTag,
  testedTag,
} from '../../../bakery/publisher/need.rules.ts';
import { frameOf } from '../../../bakery/composer/manifests.rules.ts';
import { planPublication } from '../../../bakery/publisher/publication.rules.ts';
import { digest } from '../support.ts';
import { image, indexOf, request, subject } from './images.ts';

const wanted = image();
const index = indexOf(wanted);
const twin = indexOf(wanted, 'of another run');
const old = indexOf(image({ key: digest('b'), version: '1.2.2' }));
const half = indexOf(wanted, '', ['linux/amd64']);
const testKey = 'c'.repeat(64);

/** This index passed on these platforms. */
const passed = (by: Manifest, on: readonly Platform[] = wanted.platforms): Held['tested'] =>
  new Map([[by.digest, on]]);

const held = (
  fixed: Manifest | undefined,
  moving: Manifest | undefined,
  changes: Partial<Held> = {},
): Held => ({
  tags: new Map([
    ['1.2.3-php8.4', fixed],
    ['php8.4', moving],
  ]),
  staged: undefined,
  tested: new Map(),
  ...changes,
});

/** The missing parts, in short. */
const need = (what: Held, of: Image = wanted): unknown => {
  const found = needOf(of, what);
  return found.step === 'build'
    ? 'build'
    : [
        found.step,
        found.index.digest === index.digest ? 'index' : 'twin',
        found.untested.length,
        found.moves.map(({ tag }) => tag),
      ];
};

/** The tags that a publication of this image writes. */
const writesOf = (what: Held): string[] => {
  const images = [{ subject: subject(wanted), repository: 'r.io/ai-otter', testKey, held: what }];
  const plan = { layers: [], images: [wanted], subjects: [] };
  return planPublication(plan, { images, unseen: [], layers: [] }, request()).writes.map(
    ({ reference }) => reference.replace('r.io/ai-otter:', ''),
  );
};

describe('what is missing', () => {
  const tested = { tested: passed(index) };
  test.each<[string, Held, unknown]>([
    ['in an empty registry', held(undefined, undefined), 'build'],
    ['where another key is', held(old, old, { staged: old }), 'build'],
    ['where a platform is missing', held(half, half, { tested: passed(half) }), 'build'],
    ['where all is there', held(index, index, tested), ['nothing', 'index', 0, []]],
    [
      'where it is staged',
      held(old, old, { staged: index }),
      ['test', 'index', 2, ['1.2.3-php8.4', 'php8.4']],
    ],
    [
      'where one platform is tested',
      held(undefined, old, {
        staged: index,
        tested: passed(index, ['linux/amd64']),
      }),
      ['test', 'index', 1, ['1.2.3-php8.4', 'php8.4']],
    ],
    [
      'where something else of this key is tested',
      held(undefined, old, { staged: index, tested: passed(twin) }),
      ['test', 'index', 2, ['1.2.3-php8.4', 'php8.4']],
    ],
    [
      'where it is tested',
      held(undefined, old, { staged: index, ...tested }),
      ['promote', 'index', 0, ['1.2.3-php8.4', 'php8.4']],
    ],
    [
      'where the last tag is missing',
      held(index, old, tested),
      ['promote', 'index', 0, ['php8.4']],
    ],
    [
      'where the fixed tag is missing',
      held(undefined, index, tested),
      ['promote', 'index', 0, ['1.2.3-php8.4']],
    ],
    [
      'where two runs have met, the one that is tested counts',
      held(twin, index, tested),
      ['promote', 'index', 0, ['1.2.3-php8.4']],
    ],
    ['where tests have changed', held(index, index), ['test', 'index', 2, []]],
  ])('%s', (_, what, expected) => {
    expect(need(what)).toEqual(expected);
  });

  test.each<[string, Partial<Held>, string | undefined, true | undefined]>([
    ['none is asked for', tested, 'nothing', undefined],
    ['it is there', { ...tested, signed: new Set([index.digest]) }, 'nothing', undefined],
    ['it is missing', { ...tested, signed: new Set() }, 'sign', true],
    ['it is another’s', { ...tested, signed: new Set([twin.digest]) }, 'sign', true],
    ['tests come first', { signed: new Set() }, 'test', true],
  ])('of signatures, where %s', (_, changes, step, unsigned) => {
    const found = needOf(wanted, held(index, index, changes));
    expect([found.step, found.unsigned]).toEqual([step, unsigned]);
  });

  test('a signature goes before the tags that move, and is a reason of its own', () => {
    const found = held(index, old, { ...tested, signed: new Set() });
    const missing = needOf(wanted, found);
    const signature = `${index.digest.replace(':', '-')}.sig`;
    expect(missing.step).toBe('promote');
    expect(writesOf(found)).toEqual([signature, 'php8.4']);
    expect(changesOf(wanted, missing, old)).toEqual(['php8.4 points elsewhere', 'not signed']);
    const published = held(index, index, { ...tested, signed: new Set() });
    const only = needOf(wanted, published);
    expect(writesOf(published)).toEqual([signature]);
    expect(changesOf(wanted, only, index)).toEqual(['not signed']);
    const nothing = held(undefined, undefined, { signed: new Set() });
    expect(writesOf(nothing).slice(-3)).toEqual(['sha256-*.sig', '1.2.3-php8.4', 'php8.4']);
  });

  test('a selection of platforms is content with an index that has more', () => {
    const one = image({ platforms: ['linux/arm64'] });
    expect(need(held(index, index, { tested: passed(index) }), one)).toEqual([
      'nothing',
      'index',
      0,
      [],
    ]);
  });
});

describe('names', () => {
  test.each([
    ['1.2.3', 'go', '1.2.3-go'],
    ['2026.10.01-e373342', 'php8.4', '2026.10.01-e373342-php8.4'],
    ['1.0.0+build.5', 'base', '1.0.0_build.5-base'],
  ])('a version %s on %s is fixed as %s', (version, runtime, tag) => {
    expect(fixedTag(version, runtime)).toBe(tag);
  });

  test('only base is the latest, and what is fixed comes first', () => {
    expect(publicTags(image())).toEqual(['1.2.3-php8.4', 'php8.4']);
    expect(publicTags(image({ runtime: 'base' }))).toEqual(['1.2.3-base', 'base', 'latest']);
  });

  test.each([
    [stagingTag(image()), true],
    [testedTag(testKey, digest('d'), 'linux/arm64'), true],
    ['stg-1', false],
    ['tested-by-hand', false],
    ['php8.4', false],
    ['1.2.3-php8.4', false],
  ])('%s is a working tag: %s', (tag, expected) => {
    expect(isWorkingTag(tag)).toBe(expected);
  });

  test('a test’s record is its own for each index, set of tests and platform', () => {
    const tags = [
      testedTag(testKey, digest('d'), 'linux/arm64'),
      testedTag(testKey, digest('d'), 'linux/amd64'),
      testedTag(testKey, digest('e'), 'linux/arm64'),
      testedTag('d'.repeat(64), digest('d'), 'linux/arm64'),
    ];
    expect(new Set(tags).size).toBe(tags.length);
    expect(tags[0]).toMatch(/^tested-[0-9a-f]{12}-arm64$/);
  });

  test('the writes of a build are all that there are, in their order', () => {
    expect(writesOf(held(undefined, undefined))).toEqual([
      stagingTag(frameOf(wanted)),
      'stg-aaaaaaaaaaaa',
      'tested-*-amd64',
      'tested-*-arm64',
      '1.2.3-php8.4',
      'php8.4',
    ]);
    expect(writesOf(held(index, index, { tested: passed(index) }))).toEqual([]);
    expect(writesOf(held(undefined, undefined, { staged: index }))).toEqual([
      testedTag(testKey, index.digest, 'linux/amd64'),
      testedTag(testKey, index.digest, 'linux/arm64'),
      '1.2.3-php8.4',
      'php8.4',
    ]);
  });
});

test.each([
  ['the same platforms', index, index, []],
  ['more', half, index, []],
  ['fewer', index, half, ['1.2.3-php8.4 has linux/arm64', 'php8.4 has linux/arm64']],
])('a tag that gets %s', (_, before, after, lost) => {
  expect(lostPlatforms(after, held(before, before).tags)).toEqual(lost);
});

describe('why an image is not up to date', () => {
  const why = (of: Partial<Image>, found: Manifest | undefined = index): string[] =>
    changesOf(image({ key: digest('e'), ...of }), { step: 'build' }, found);
  const changed = (name: string, to = digest('f')): Partial<Image> => ({
    inputs: { ...wanted.inputs, [name]: to },
  });

  test.each<[string, string[], string[]]>([
    ['nothing is there', changesOf(wanted, { step: 'build' }, undefined), ['not there']],
    ['its agent changed', why(changed('agent')), ['agent layer']],
    [
      'its agent has another version',
      why({ ...changed('agent'), version: '1.2.4' }),
      ['version 1.2.3 → 1.2.4', 'agent layer'],
    ],
    ['its runtime changed', why(changed('runtime.base')), ['runtime layer base']],
    ['its runtime has a new part', why(changed('runtime.go')), ['new: runtime layer go']],
    ['upstream moved', why(changed('base')), ['upstream base 333333333333 → ffffffffffff']],
    ['its text changed', why(changed('image')), ['environment, labels or template of the image']],
    ['nothing but the way keys are made changed', why({}), ['input key']],
    ['a platform is new', why({}, half), ['new: linux/arm64']],
    ['somebody else made it', why({}, { ...index, annotations: {} }), ['made by something else']],
    [
      'a tag points elsewhere',
      changesOf(
        wanted,
        { step: 'promote', index, untested: [], moves: [{ tag: 'php8.4', from: old.digest }] },
        old,
      ),
      ['php8.4 points elsewhere'],
    ],
    [
      'its tests changed',
      changesOf(wanted, { step: 'test', index, untested: ['linux/arm64'], moves: [] }, index),
      ['not tested on linux/arm64'],
    ],
    ['it is', changesOf(wanted, { step: 'nothing', index, untested: [], moves: [] }, index), []],
  ])('because %s', (_, seen, expected) => {
    expect(seen).toEqual(expected);
  });

  test('what a registry says cannot repaint a terminal', () => {
    const annotations = {
      ...index.annotations,
      'org.opencontainers.image.version': '1\u001b[2J',
      'ai-run.key.base': 'sha256:\u001b]52;c;x\u0007',
    };
    expect(why({}, { ...index, annotations }).join('')).not.toMatch(/\p{Cc}/u);
    expect(why({}, { ...index, annotations })[0]).toBe('version 1 → 1.2.3');
  });

  test('a part that is gone is named', () => {
    const inputs = Object.fromEntries(
      Object.entries(wanted.inputs).filter(([name]) => name !== 'runtime.base'),
    );
    expect(why({ inputs })).toEqual(['without runtime layer base']);
  });
});

test('an index says what it was made of, and when', () => {
  expect(annotationsOf(wanted, '2026-11-21T10:00:00Z')).toEqual({
    'ai-run.key': digest('a'),
    'ai-run.key.agent': digest('1'),
    'ai-run.key.runtime.base': digest('2'),
    'ai-run.key.base': digest('3'),
    'ai-run.key.image': digest('4'),
    'ai-run.runtime': 'php8.4',
    'org.opencontainers.image.version': '1.2.3',
    'org.opencontainers.image.created': '2026-11-21T10:00:00Z',
  });
});

test('an index says what its images say to everybody, and where they came from', () => {
  const labels = {
    'org.opencontainers.image.licenses': 'MIT',
    'org.opencontainers.image.source': 'https://example.com/setting',
    'ai-run.contract': '{}',
  };
  const annotations = annotationsOf(image({ labels }), '2026-11-21T10:00:00Z', {
    source: 'https://example.com/setting',
    revision: 'a'.repeat(40),
  });
  expect(annotations).toMatchObject({
    'org.opencontainers.image.licenses': 'MIT',
    'org.opencontainers.image.source': 'https://example.com/setting',
    'org.opencontainers.image.revision': 'a'.repeat(40),
  });
  expect(annotations).not.toHaveProperty(['ai-run.contract']);
});
