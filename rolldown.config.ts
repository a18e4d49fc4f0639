import { isBuiltin } from 'node:module';
import { defineConfig } from 'rolldown';

/** `dist/ai-run.mjs`: all of ai-run in one file that needs nothing beside it. */

const marker = '\0builtin:';

/** Whether nothing but a call can be wanted of it: not of a class, and not of `realpathSync`, which has `native`. */
const isPlainFunction = (key: string, value: unknown): boolean =>
  typeof value === 'function' && !/^[A-Z]/.test(key) && Object.keys(value).length === 0;

/**
 * Node's own modules by `process.getBuiltinModule` in place of `import`, which evaluates every export of a module, the lazy ones
 * as well; and each of them when it is first called, which for most of them is never: together 15 ms of each start.
 * nodejs.org/api/process.html#processgetbuiltinmoduleid
 */
const builtins = {
  name: 'builtins',
  resolveId: (id: string) => (isBuiltin(id) ? { id: marker + id, moduleSideEffects: false } : null),
  load: (id: string) => {
    if (!id.startsWith(marker)) return null;
    const name = JSON.stringify(id.slice(marker.length));
    const module = Object.entries(process.getBuiltinModule(id.slice(marker.length)) ?? {});
    return module
      .map(([key, value]) =>
        isPlainFunction(key, value)
          ? `export const ${key} = (...args) => process.getBuiltinModule(${name}).${key}(...args);`
          : `export const ${key} = /* @__PURE__ */ process.getBuiltinModule(${name}).${key};`,
      )
      .join('\n');
  },
};

export default defineConfig({
  input: 'ai-run/cli.ts',
  platform: 'node',
  plugins: [builtins],
  treeshake: { propertyReadSideEffects: false },
  output: { file: 'dist/ai-run.mjs', codeSplitting: false },
});
