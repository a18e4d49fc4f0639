import { describe, expect, test } from 'vitest';
import { type Given, settle } from '../../../ai-run/settings/settings.rules.ts';

const given = (changes: Partial<Given> = {}): Given => ({
  flags: {},
  env: {},
  file: {},
  machine: 'x64',
  ...changes,
});
const registry = { AI_IMAGE_SOURCE: 'registry', AI_IMAGE_REGISTRY: 'registry.example.com/ai' };

describe('settings', () => {
  test('are local images for this machine when nothing is set', () => {
    expect(settle(given())).toEqual({ source: 'local', pull: 'never', platform: 'linux/amd64' });
    expect(settle(given({ machine: 'arm64' })).platform).toBe('linux/arm64');
  });

  test.each<[string, Partial<Given>]>([
    ['the environment', { env: registry }],
    ['~/.ai-env', { file: registry }],
    ['both, one value each', { env: { AI_IMAGE_SOURCE: 'registry' }, file: registry }],
    [
      'flags',
      { flags: { 'image-source': 'registry', 'image-registry': 'registry.example.com/ai' } },
    ],
  ])('name a registry by %s', (_, changes) => {
    expect(settle(given(changes))).toEqual({
      source: 'registry',
      registry: 'registry.example.com/ai',
      pull: 'missing',
      platform: 'linux/amd64',
    });
  });

  test('of the environment go over those of the file, and flags over both', () => {
    const file = { ...registry, AI_RUN_PLATFORM: 'linux/arm64' };
    const env = { AI_IMAGE_REGISTRY: 'localhost:5000', AI_RUN_PLATFORM: 'linux/amd64' };
    expect(settle(given({ file, env }))).toMatchObject({
      registry: 'localhost:5000',
      platform: 'linux/amd64',
    });
    const flags = { 'image-registry': 'localhost:6000/x', platform: 'linux/arm64' };
    expect(settle(given({ file, env, flags }))).toMatchObject({
      registry: 'localhost:6000/x',
      platform: 'linux/arm64',
    });
    expect(settle(given({ file, env, flags: { 'image-source': 'local' } })).source).toBe('local');
  });

  test('that are empty in the environment are not set', () => {
    const env = { AI_IMAGE_SOURCE: '', AI_IMAGE_REGISTRY: '', AI_RUN_PLATFORM: '' };
    expect(settle(given({ env }))).toEqual(settle(given()));
    expect(settle(given({ env, file: registry })).source).toBe('registry');
  });

  test.each(['always', 'missing', 'never'] as const)('take --pull %s', (pull) => {
    expect(settle(given({ env: registry, flags: { pull } })).pull).toBe(pull);
  });

  test.each<[string, Partial<Given>, string, string]>([
    [
      'a source',
      { env: { AI_IMAGE_SOURCE: 'hub' } },
      'E_SETTING',
      'AI_IMAGE_SOURCE in the environment: expected local or registry, got "hub"',
    ],
    [
      'a source in the file',
      { file: { AI_IMAGE_SOURCE: 'hub' } },
      'E_SETTING',
      'AI_IMAGE_SOURCE in ~/.ai-env: expected local or registry, got "hub"',
    ],
    [
      'a source by flag, over a good one',
      { env: registry, flags: { 'image-source': '' } },
      'E_USAGE',
      '--image-source: expected local or registry, got ""',
    ],
    [
      'a platform',
      { env: { AI_RUN_PLATFORM: 'arm64' } },
      'E_SETTING',
      'AI_RUN_PLATFORM in the environment: expected linux/amd64 or linux/arm64, got "arm64"',
    ],
    [
      'a way to pull',
      { env: registry, flags: { pull: 'yes' } },
      'E_USAGE',
      '--pull: expected always or missing or never, got "yes"',
    ],
    [
      'a pull of local images',
      { flags: { pull: 'always' } },
      'E_USAGE',
      '--pull always: local images do not come from a registry',
    ],
    ['a machine', { machine: 's390x' }, 'E_SETTING', 'no images exist for the architecture s390x'],
    [
      'a registry that is not named',
      { env: { AI_IMAGE_SOURCE: 'registry' } },
      'E_SETTING',
      'AI_IMAGE_SOURCE in the environment is registry, but AI_IMAGE_REGISTRY is not set',
    ],
    [
      'text that would repaint the terminal',
      { env: { AI_IMAGE_SOURCE: 'x\u001B[2J\u009B2J' } },
      'E_SETTING',
      'AI_IMAGE_SOURCE in the environment: expected local or registry, got "x2J"',
    ],
  ])('refuse %s', (_, changes, code, message) => {
    expect(() => settle(given(changes))).toThrow(
      expect.objectContaining({ code, message, hint: expect.any(String) as string }),
    );
  });

  test.each([
    'acme',
    'https://registry.example.com/ai',
    'registry.example.com/ai/',
    'registry.example.com/ai:tag',
    'registry.example.com/AI',
    '/ai',
    '-v.x /ai',
    'registry.example.com/../ai',
  ])('refuse the registry %j', (value) => {
    const env = { ...registry, AI_IMAGE_REGISTRY: value };
    expect(() => settle(given({ env }))).toThrow(
      `AI_IMAGE_REGISTRY in the environment: expected a registry and a namespace, like registry.example.com/ai, got ${JSON.stringify(value)}`,
    );
  });

  test('show no password of a registry', () => {
    const env = { ...registry, AI_IMAGE_REGISTRY: 'https://me:secret@registry.example.com/ai' };
    expect(() => settle(given({ env }))).toThrow('got "https://***@registry.example.com/ai"');
  });
});
