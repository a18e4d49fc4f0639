/** JSON schemas of the YAML files, for editors. */

import { z } from 'zod';
import { WrittenAgent, WrittenRuntime } from './definition.rules.ts';
import { WrittenSettings } from './settings.rules.ts';

/** Returns the JSON schemas by file name, made from the schemas that the bakery checks with. */
export function jsonSchemas(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries({ agent: WrittenAgent, runtime: WrittenRuntime, bakery: WrittenSettings }).map(
      ([name, schema]) => [
        `${name}.schema.json`,
        `${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), undefined, 2)}\n`,
      ],
    ),
  );
}
