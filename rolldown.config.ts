import { isBuiltin } from 'node:module';
import { resolve } from 'node:path';
import { type ChunkingContext, defineConfig, type RolldownOptions } from 'rolldown';

/**
 * ai-run, twice. `dist/ai-run.mjs` is all of it in one file that needs nothing beside it. `dist/run/` is what the package
 * installs: the command line, what a start needs, and each of the other verbs on its own, so that a start loads two files, of
 * which V8 has the second compiled (`ai-run/compiled.ts`).
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

const input = 'ai-run/cli.ts';

/** Everything that some modules import, the modules themselves as well; not what is imported when it is wanted. */
const reached = (from: string, context: ChunkingContext): ReadonlySet<string> => {
  const found = new Set([resolve(from)]);
  for (const id of found)
    for (const one of context.getModuleInfo(id)?.importedIds ?? []) found.add(one);
  return found;
};

const isOfStart = (id: string, context: ChunkingContext): boolean =>
  !reached(input, context).has(id) && reached('ai-run/run.ts', context).has(id);

const common: RolldownOptions = {
  input,
  // `sessions` is a verb of its own, and a part of a start.
  checks: { ineffectiveDynamicImport: false },
  platform: 'node',
  plugins: [builtins],
  preserveEntrySignatures: false,
  treeshake: { propertyReadSideEffects: false },
};

// V8 reads text of one byte per letter faster, and all of it.
const charset = 'ascii' as const;

export default defineConfig([
  { ...common, output: { file: 'dist/ai-run.mjs', codeSplitting: false, charset } },
  {
    ...common,
    output: {
      dir: 'dist/run',
      cleanDir: true,
      entryFileNames: 'ai-run.mjs',
      chunkFileNames: '[name]-[hash].mjs',
      charset,
      codeSplitting: {
        includeDependenciesRecursively: false,
        groups: [
          { name: (id, context) => (isOfStart(id, context) ? 'run' : null), debugName: 'start' },
        ],
      },
    },
  },
]);
