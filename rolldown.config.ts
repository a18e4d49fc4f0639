import { isBuiltin } from 'node:module';
import { defineConfig } from 'rolldown';

/** `dist/ai-run.mjs`: all of ai-run in one file that needs nothing beside it. */

const marker = '\0builtin:';

/**
 * Node's own modules by `process.getBuiltinModule` in place of `import`, which evaluates every export of a module, the lazy ones
 * as well: it takes 10 ms of each start. nodejs.org/api/process.html#processgetbuiltinmoduleid
 */
const builtins = {
  name: 'builtins',
  resolveId: (id: string) => (isBuiltin(id) ? { id: marker + id, moduleSideEffects: false } : null),
  load: (id: string) => {
    if (!id.startsWith(marker)) return null;
    const name = id.slice(marker.length);
    const names = Object.keys(process.getBuiltinModule(name) ?? {});
    return [
      `const builtin = process.getBuiltinModule(${JSON.stringify(name)});`,
      'export default builtin;',
      ...names.map((key) => `export const ${key} = builtin.${key};`),
    ].join('\n');
  },
};

export default defineConfig({
  input: 'ai-run/cli.ts',
  platform: 'node',
  plugins: [builtins],
  treeshake: { propertyReadSideEffects: false },
  output: { file: 'dist/ai-run.mjs', codeSplitting: false },
});
