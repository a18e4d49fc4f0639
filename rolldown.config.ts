import { isBuiltin } from 'node:module';
import { defineConfig, type RolldownOptions } from 'rolldown';

/**
 * ai-run, twice, and bakery. `ai-run/dist/ai-run.mjs` is all of ai-run in one file that needs nothing beside it. `ai-run/dist/run/` is
 * what its package installs: the same as a script, and what starts it with the code that V8 has compiled before
 * (`ai-run/startup/compiled.ts`). `bakery/dist/` is bakery with the kernel inside; its other packages stay packages.
 */

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

const common: RolldownOptions = {
  // `sessions` is a verb of its own, and a part of a start.
  checks: { ineffectiveDynamicImport: false },
  platform: 'node',
  plugins: [builtins],
  treeshake: { propertyReadSideEffects: false },
};

// V8 reads text of one byte per letter faster, and all of it.
const charset = 'ascii' as const;

const input = 'ai-run/cli/cli.ts';

const bakery: RolldownOptions = {
  input: { bakery: 'bakery/cli/main.ts' },
  platform: 'node',
  // The kernel is a package of this repository alone.
  external: (id) => !/^[./]|^@ai-bakery\/kernel/.test(id),
  output: { dir: 'bakery/dist', cleanDir: true, entryFileNames: '[name].js' },
};

export default defineConfig([
  { ...common, input, output: { file: 'ai-run/dist/ai-run.mjs', codeSplitting: false, charset } },
  {
    ...common,
    input,
    output: {
      dir: 'ai-run/dist/run',
      cleanDir: true,
      entryFileNames: 'ai-run.script.js',
      format: 'cjs',
      // A script whose value is this function: nothing has to be put around it when it is read.
      postBanner: '(function (exports, __filename, __dirname) { "use strict";',
      postFooter: '})',
      codeSplitting: false,
      charset,
    },
  },
  {
    ...common,
    input: 'ai-run/startup/compiled.ts',
    output: { file: 'ai-run/dist/run/ai-run.mjs', charset },
  },
  bakery,
]);
