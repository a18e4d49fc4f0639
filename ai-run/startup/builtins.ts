/** Startup trick `builtins`: a plugin of the build that loads each of Node's modules when it is first called. */

import { isBuiltin } from 'node:module';

const marker = '\0builtin:';

/**
 * Replaces `import` of Node's own modules by `process.getBuiltinModule`, because `import` evaluates every export of a module,
 * including the lazy ones, and loads each module on its first call, which for most of them never comes.
 * nodejs.org/api/process.html#processgetbuiltinmoduleid
 */
export const builtins = {
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

/** Whether an export can only be called: classes are used otherwise, and `realpathSync` has a property `native`. */
function isPlainFunction(key: string, value: unknown): boolean {
  return typeof value === 'function' && !/^[A-Z]/.test(key) && Object.keys(value).length === 0;
}
