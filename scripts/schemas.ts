import { join } from 'node:path';
import { jsonSchemas } from '../bakery/catalogue/schema.rules.ts';
import { writeAtomic } from '../bakery/host/write.ts';

/** Writes the JSON schemas for editors to schemas/; a test says when they are not today's. */
for (const [name, text] of Object.entries(jsonSchemas())) {
  await writeAtomic(join(import.meta.dirname, '../schemas', name), text);
}
