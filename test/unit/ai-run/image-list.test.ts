import { describe, expect, test } from 'vitest';
import { listedIds, parseImages, splitName } from '../../../ai-run/image/image-list.rules.ts';

const digest = `sha256:${'a'.repeat(64)}`;

const row = (Repository: string, Tag: string, changes: Record<string, string> = {}): string =>
  JSON.stringify({
    ID: 'sha256:1',
    Repository,
    Tag,
    Digest: '<none>',
    Size: '890MB',
    Containers: 'N/A',
    ...changes,
  });

const inspected = (labels: Record<string, string> | null): string =>
  JSON.stringify({
    Id: 'sha256:1',
    Os: 'linux',
    Architecture: 'amd64',
    Config: { Labels: labels },
  });

const contract = JSON.stringify({
  schema: 1,
  agent: 'claude',
  version: '2.1.0',
  command: ['claude'],
});

describe('images', () => {
  test('are told with what their labels say', () => {
    const ls = `${row('registry.example.com/ai/ai-claude', '2.1.0-go', { Digest: digest })}\n`;
    const labels = { 'ai-run.contract': contract, 'ai-run.runtime': 'go' };
    expect(parseImages(ls, `${inspected(labels)}\n`)).toEqual([
      {
        image: 'registry.example.com/ai/ai-claude:2.1.0-go',
        agent: 'claude',
        runtime: 'go',
        version: '2.1.0',
        platform: 'linux/amd64',
        size: '890MB',
        registry: 'registry.example.com/ai',
        digest,
      },
    ]);
  });

  test.each([
    ['no labels', inspected(null)],
    ['a contract that is none', inspected({ 'ai-run.contract': '{' })],
    ['a contract without a version', inspected({ 'ai-run.contract': '{}' })],
    ['nothing to inspect any more', ''],
  ])('with %s are told all the same', (_, inspect) => {
    const [image] = parseImages(row('ai-claude', 'base'), inspect);
    expect(image).toMatchObject({ agent: 'claude', runtime: 'base' });
    expect(image).not.toHaveProperty('version');
  });

  test('are in the order of their names, and those without one are left out', () => {
    const ls = [
      row('ai-b', 'base'),
      row('<none>', '<none>'),
      row('otter', 'base'),
      row('ai-a', 'go'),
    ].join('\n');
    expect(parseImages(ls, '').map(({ image }) => image)).toEqual(['ai-a:go', 'ai-b:base']);
    expect(listedIds(ls)).toEqual(['sha256:1']);
  });
});

test.each([
  ['ai-claude:go', { agent: 'claude', tag: 'go' }],
  [
    '127.0.0.1:5000/acme/ai-claude:go',
    { registry: '127.0.0.1:5000/acme', agent: 'claude', tag: 'go' },
  ],
  ['claude:go', undefined],
  ['my-ai-claude:go', undefined],
  ['ai-claude', undefined],
])('%s is %j', (image, expected) => {
  expect(splitName(image)).toEqual(expected);
});
