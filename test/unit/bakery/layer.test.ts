import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  isLayerTag,
  layerReference,
  linkedText,
  partOf,
} from '../../../bakery/composer/layer-names.rules.ts';
import type { Layer } from '../../../bakery/plan/plan.rules.ts';
import { isWorkingTag } from '../../../bakery/publisher/need.rules.ts';
import { digest, fixtures } from '../support.ts';

const layer: Layer = {
  id: 'agent/otter linux/arm64',
  platform: 'linux/arm64',
  stage: 'agent',
  key: digest('b'),
  dockerfile: 'FROM scratch AS agent\n',
  context: 'agents/otter',
  files: [],
};

test('a layer is called after its key and its architecture, in a repository that all share', () => {
  expect(partOf(layer)).toBe('agent/otter');
  expect(layerReference('registry.example.com/ai', layer)).toBe(
    'registry.example.com/ai/ai-layers:layer-bbbbbbbbbbbb-arm64',
  );
});

test.each([
  ['layer-bbbbbbbbbbbb-arm64', true],
  ['layer-bbbbbbbbbbbb', false],
  ['layer-1.2-go', false],
  ['1.2.3-layer-bbbbbbbbbbbb-arm64', false],
])('%s is a layer’s tag: %s', (tag, expected) => {
  expect(isLayerTag(tag)).toBe(expected);
  expect(isWorkingTag(tag)).toBe(expected);
});

test('it is linked onto nothing by the very step that links it into an image', async () => {
  const path = join(fixtures, 'expected', 'otter.go.Dockerfile');
  const image = (await readFile(path, 'utf8')).split('\n');
  const lines = linkedText(layer).trimEnd().split('\n');
  expect(lines.slice(0, -1)).toEqual(['FROM scratch AS agent', '', 'FROM scratch']);
  expect(image).toContain(lines.at(-1));
});
