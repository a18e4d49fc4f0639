import { describe, expect, test } from 'vitest';
import { mirrored } from '../../../bakery/catalogue/settings.rules.ts';

const mirrors = {
  'docker.io': 'mirror.example.com/docker',
  'docker.io/library': 'library.example.com',
  'docker.io/library/node': '127.0.0.1:5000/node',
  'ghcr.io': 'mirror.example.com/ghcr',
};

describe('the reference that a mirror serves', () => {
  test.each([
    ['the longest entry', 'docker.io/library/node/x:1', '127.0.0.1:5000/node/x:1'],
    ['a shorter entry', 'docker.io/library/debian:13', 'library.example.com/debian:13'],
    ['the registry', 'docker.io/acme/tool:1', 'mirror.example.com/docker/acme/tool:1'],
    [
      'another registry',
      'ghcr.io/astral-sh/uv:0.13.8',
      'mirror.example.com/ghcr/astral-sh/uv:0.13.8',
    ],
    ['no entry', 'quay.io/acme/tool:1', 'quay.io/acme/tool:1'],
    ['no entry that ends at a slash', 'docker.io.evil/acme/tool:1', 'docker.io.evil/acme/tool:1'],
    ['no entry that ends in the middle of a name', 'ghcr.iox/a:1', 'ghcr.iox/a:1'],
  ])('is chosen by %s', (_, reference, expected) => {
    expect(mirrored(reference, mirrors)).toBe(expected);
  });

  test('is the same whatever the order of the entries', () => {
    const reversed = Object.fromEntries(Object.entries(mirrors).toReversed());
    expect(mirrored('docker.io/library/debian:13', reversed)).toBe('library.example.com/debian:13');
  });

  test('is the upstream one where there are no mirrors', () => {
    expect(mirrored('docker.io/library/debian:13')).toBe('docker.io/library/debian:13');
  });
});
