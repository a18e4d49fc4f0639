import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

test('the gate finds one test command in the README, after its mark', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [, block] = /^<!-- test -->\n+```sh\n([^]*?)^```$/m.exec(readme) ?? [];
  expect(block).toBe('./scripts/setup --install-engine && npm test\n');
  expect(await readFile(join(root, '.ci/run'), 'utf8')).toContain('/^<!-- test -->$/,/^```$/p');
});
