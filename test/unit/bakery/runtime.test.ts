import { describe, expect, test } from 'vitest';
import { lineage } from '../../../bakery/catalogue/catalogue.rules.ts';
import {
  baseFolder,
  complaints,
  goFolder,
  readCatalogue,
  runtimeFolder,
  type Written,
} from '../support.ts';

const image = 'expected registry/repository:tag, like "docker.io/library/golang:1.26-trixie"';
const one = 'expected exactly one of "from" (an upstream image) and "extends" (a runtime)';

const mistakes: readonly [string, Written, string][] = [
  ['an unknown key', { extends: 'base', form: 'x' }, 'form: is not a known key'],
  [
    'no title',
    { extends: 'base', title: undefined },
    'title: invalid input: expected string, received undefined',
  ],
  ['an image without registry', { from: 'debian:13' }, `from: ${image}`],
  ['an image without tag', { from: 'docker.io/library/debian' }, `from: ${image}`],
  [
    'an image by digest',
    { from: `docker.io/library/debian@sha256:${'a'.repeat(64)}` },
    `from: ${image}`,
  ],
  ['an image with shell syntax', { from: 'docker.io/library/$(id):13' }, `from: ${image}`],
  [
    'an upstream image without registry',
    { extends: 'base', upstreams: { go: 'golang:1' } },
    `upstreams.go: ${image}`,
  ],
  [
    'an upstream name in upper case',
    { extends: 'base', upstreams: { Go: 'docker.io/library/golang:1' } },
    'upstreams.Go: invalid key in record',
  ],
  [
    'a relative folder in its path',
    { extends: 'base', path: ['bin'] },
    'path[0]: expected a folder like "/usr/local/go/bin": absolute, without ".."',
  ],
  [
    'two folders in one',
    { extends: 'base', path: ['/a:/b'] },
    'path[0]: expected a folder like "/usr/local/go/bin": absolute, without ".."',
  ],
  [
    'a parent with a slash',
    { extends: '../base' },
    'extends: expected lower-case letters, digits and single . _ - between them, like "php8.4"',
  ],
  ['an unknown parent', { extends: 'nope' }, 'extends: unknown runtime "nope"'],
  ['itself for its parent', { extends: 'php' }, 'extends: leads back to itself: php → php'],
  ['both a parent and an image', { extends: 'base', from: 'docker.io/library/debian:13' }, one],
  ['neither a parent nor an image', {}, one],
  [
    'a broken pattern',
    { extends: 'base', checks: [{ name: 'a', run: ['a'], stdout: '*' }] },
    'checks[0].stdout: expected a regular expression',
  ],
];

describe('a runtime', () => {
  test.each(mistakes)('with %s is refused in one line', (_, changes, line) => {
    expect(complaints([], [baseFolder, runtimeFolder('php', changes)])).toEqual([
      `runtimes/php/runtime.yaml: ${line}`,
    ]);
  });

  test.each(['../php', 'PHP', 'php 8', '$(id)'])('in the folder %j is refused', (name) => {
    expect(complaints([], [baseFolder, runtimeFolder(name, { extends: 'base' })])).toEqual([
      `runtimes/${name}/runtime.yaml: the folder's name ${JSON.stringify(name)} must be lower-case letters, digits and single . _ -`,
    ]);
  });

  test('without a template is refused', () => {
    expect(complaints([], [{ ...baseFolder, files: {} }])).toEqual([
      'runtimes/base: Dockerfile.hbs is missing',
    ]);
  });

  test('in a circle is refused with the way around', () => {
    const circle = [runtimeFolder('a', { extends: 'b' }), runtimeFolder('b', { extends: 'a' })];
    expect(complaints([], circle)).toEqual([
      'runtimes/a/runtime.yaml: extends: leads back to itself: a → b → a',
      'runtimes/b/runtime.yaml: extends: leads back to itself: b → a → b',
    ]);
  });

  test('with two checks of one name is refused', () => {
    const checks = [
      { name: 'a', run: ['a'] },
      { name: 'a', run: ['b'] },
    ];
    expect(complaints([], [baseFolder, runtimeFolder('go', { extends: 'base', checks })])).toEqual([
      'runtimes/go/runtime.yaml: checks: two checks are named "a"',
    ]);
  });

  test('that is broken is the only one that is complained about', () => {
    expect(complaints([], [runtimeFolder('base', { from: 'debian' }), goFolder])).toEqual([
      `runtimes/base/runtime.yaml: from: ${image}`,
    ]);
  });

  test('without a template is the only one that is complained about', () => {
    expect(complaints([], [{ ...baseFolder, files: {} }, goFolder])).toEqual([
      'runtimes/base: Dockerfile.hbs is missing',
    ]);
  });

  test('stands on the runtimes it extends, the lowest first', () => {
    const { runtimes } = readCatalogue(
      [],
      [baseFolder, runtimeFolder('tools', { extends: 'go' }), goFolder],
    );
    expect(runtimes.map((runtime) => lineage(runtime, runtimes).map(({ name }) => name))).toEqual([
      ['base'],
      ['base', 'go', 'tools'],
      ['base', 'go'],
    ]);
  });
});
