import { describe, expect, test } from 'vitest';
import { attestations, attestOf } from '../../../bakery/builder/attest.rules.ts';
import { WrittenSettings } from '../../../bakery/catalogue/settings.rules.ts';
import { digest } from '../support.ts';

const scanner = `docker.io/docker/buildkit-syft-scanner:1@${digest('a')}`;
const other = `ghcr.io/acme/scan@${digest('b')}`;

describe('what publishing attaches', () => {
  test.each([
    ['nothing is said', {}, undefined, 'off', undefined],
    ['a setting says it', {}, { provenance: 'max', sbom: scanner }, 'max', scanner],
    ['a setting says half of it', {}, { sbom: scanner }, 'off', scanner],
    ['a setting switches it off', {}, { provenance: 'off', sbom: 'off' }, 'off', undefined],
    ['a flag says it', { provenance: 'max', sbom: other }, undefined, 'max', other],
    [
      'a flag and a setting do',
      { provenance: 'off', sbom: 'off' },
      { provenance: 'max', sbom: scanner },
      'off',
      undefined,
    ],
  ] as const)('is decided where %s', (_, flags, attest, provenance, sbom) => {
    expect(attestOf(flags, { attest })).toEqual({ provenance, sbom });
  });

  test('is listed by a generator that a mirror serves', () => {
    const mirrors = { 'docker.io': 'mirror.example.com/docker' };
    expect(attestOf({ sbom: scanner }, { mirrors }).sbom).toBe(
      scanner.replace('docker.io', 'mirror.example.com/docker'),
    );
  });

  test.each([
    ['--provenance: unknown mode "mid"', { provenance: 'mid' }],
    ['--provenance: unknown mode ""', { provenance: '' }],
    ['--sbom: "true" is not an image with a digest', { sbom: 'true' }],
    ['--sbom: "docker.io/docker/buildkit-syft-scanner:1"', { sbom: scanner.split('@')[0] ?? '' }],
    ['--sbom: "docker.io/acme/scan,mode=x', { sbom: `docker.io/acme/scan,mode=x@${digest('a')}` }],
  ])('is refused as %s', (text, flags) => {
    expect(() => attestOf(flags, {})).toThrow(text);
  });
});

describe('the password of a proxy', () => {
  const proxies = [
    { http: 'http://me:secret@proxy.example.com:3128' },
    { https: 'http://me@proxy.example.com' },
  ];
  test.each(proxies)('is not published: %j', (proxy) => {
    const [name] = Object.keys(proxy);
    expect(() => attestOf({ provenance: 'max' }, { proxy })).toThrow(
      `provenance max would publish the user and password in proxy.${name}`,
    );
    expect(() => attestOf({}, { proxy, attest: { provenance: 'max' } })).toThrow('provenance max');
  });
  test.each(proxies)('does not keep the rest back: %j', (proxy) => {
    expect(attestOf({ provenance: 'min' }, { proxy }).provenance).toBe('min');
  });
  test('is not looked for where there is none', () => {
    const proxy = { http: 'http://proxy.example.com:3128', no: 'example.com' };
    expect(attestOf({ provenance: 'max' }, { proxy }).provenance).toBe('max');
  });
});

const accepts = (attest: unknown): boolean => WrittenSettings.safeParse({ attest }).success;

describe('the setting', () => {
  test.each([
    [{}],
    [{ provenance: 'min', sbom: 'off' }],
    [{ provenance: 'off' }],
    [{ sbom: scanner }],
    [{ sbom: other }],
  ])('may be %j', (attest) => expect(accepts(attest)).toBe(true));
  test.each([
    [{ provenance: true }],
    [{ provenance: 'full' }],
    [{ sbom: true }],
    [{ sbom: 'docker.io/docker/buildkit-syft-scanner:1' }],
    [{ sbom: scanner, key: 'x' }],
  ])('may not be %j', (attest) => expect(accepts(attest)).toBe(false));
});

test.each([
  ['off', undefined, ['type=provenance,disabled=true']],
  ['min', undefined, ['type=provenance,mode=min']],
  ['max', scanner, ['type=provenance,mode=max', `type=sbom,generator=${scanner}`]],
] as const)('provenance %s with generator %s is %j to bake', (provenance, sbom, expected) => {
  expect(attestations({ provenance, sbom })).toEqual(expected);
});
