import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jsonSchemas } from '../../bakery/catalogue/schema.rules.ts';

test('the JSON schemas for editors are what the types say today (npm run schemas writes them)', async () => {
  const schemas = Object.entries(jsonSchemas());
  expect(schemas).toHaveLength(3);
  for (const [name, text] of schemas) {
    const written = await readFile(join(import.meta.dirname, '../../schemas', name), 'utf8');
    expect(JSON.parse(written)).toEqual(JSON.parse(text));
  }
});
