import { describe, expect, test } from 'vitest';
import { UserError } from '../../../kernel/error.ts';
import { formatReference, parseReference, type Reference } from '../../../kernel/reference.ts';
import { digest } from '../support.ts';

const good: readonly [string, Reference][] = [
  ['ai-claude', { repository: 'ai-claude' }],
  ['ai-claude:php8.4', { repository: 'ai-claude', tag: 'php8.4' }],
  ['acme/ai-claude', { repository: 'acme/ai-claude' }],
  ['ghcr.io/acme/ai-claude:go', { registry: 'ghcr.io', repository: 'acme/ai-claude', tag: 'go' }],
  ['127.0.0.1:5000/ai', { registry: '127.0.0.1:5000', repository: 'ai' }],
  ['localhost/ai', { registry: 'localhost', repository: 'ai' }],
  ['localhost:5000/ai:x', { registry: 'localhost:5000', repository: 'ai', tag: 'x' }],
  ['builder:5000/ai', { registry: 'builder:5000', repository: 'ai' }],
  ['builder:5000', { repository: 'builder', tag: '5000' }],
  ['Registry.Example.COM/ai', { registry: 'Registry.Example.COM', repository: 'ai' }],
  [`ai@${digest('a')}`, { repository: 'ai', digest: digest('a') }],
  [
    `a.b/c/d:e@${digest('0')}`,
    { registry: 'a.b', repository: 'c/d', tag: 'e', digest: digest('0') },
  ],
  ['a__b/c--d', { repository: 'a__b/c--d' }],
  [`ai:${'t'.repeat(128)}`, { repository: 'ai', tag: 't'.repeat(128) }],
];

describe('an image reference', () => {
  test.each(good)('%s is read part by part', (text, parts) => {
    expect(parseReference(text)).toEqual(parts);
  });

  test.each(good)('%s is written as it was read', (text) => {
    expect(formatReference(parseReference(text))).toBe(text);
  });

  test.each([
    ['nothing', ''],
    ['upper case in the repository', 'acme/Claude'],
    ['a scheme', 'https://ghcr.io/acme/ai'],
    ['a space', 'ai claude'],
    ['a line break at the end', 'ai-claude:go\n'],
    ['a leading slash', '/ai'],
    ['a trailing slash', 'ghcr.io/ai/'],
    ['an empty component', 'ghcr.io//ai'],
    ['a parent folder', '../ai'],
    ['an empty tag', 'ai:'],
    ['a tag that starts with a hyphen', 'ai:-x'],
    ['a tag that is too long', `ai:${'t'.repeat(129)}`],
    ['a short digest', 'ai@sha256:abc'],
    ['a digest in upper case', `ai@sha256:${'A'.repeat(64)}`],
    ['another hash', `ai@md5:${'a'.repeat(32)}`],
    ['a separator at the end', 'ai-'],
    ['two dots', 'a..b'],
    ['an option of docker', '--privileged'],
    ['an option of docker that looks like a registry', '-v.x/ai'],
    ['shell syntax', 'ai$(id)'],
  ])('with %s is refused', (_, text) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({
        code: 'E_REFERENCE',
        message: `not an image reference: ${JSON.stringify(text)}`,
      }),
    );
    expect(() => parseReference(text)).toThrow(UserError);
  });
});
