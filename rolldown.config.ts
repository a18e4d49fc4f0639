import { defineConfig, type RolldownOptions } from 'rolldown';
import { builtins } from './ai-run/startup/builtins.ts';

/**
 * Builds ai-run twice, and bakery. `ai-run/dist/ai-run.mjs` is the whole of ai-run in one file that needs no other one.
 * `ai-run/dist/run/` is what the package installs: the same code as a script, and a starter that gives it the code that V8
 * compiled before (`ai-run/startup/compiled.ts`). `bakery/dist/` is bakery with the kernel; its other packages stay packages.
 */

const common: RolldownOptions = {
  // A verb loads `sessions` lazily, and a start loads it at once.
  checks: { ineffectiveDynamicImport: false },
  platform: 'node',
  plugins: [builtins],
  treeshake: { propertyReadSideEffects: false },
};

// Startup trick `latin1`.
const charset = 'ascii' as const;
// Comments would be a quarter of the text that each start reads.
const comments = { jsdoc: false, legal: true, annotation: false };

const input = './ai-run/cli/cli.ts';

const bakery: RolldownOptions = {
  input: { bakery: './bakery/cli/main.ts' },
  platform: 'node',
  // The kernel is not published, so it is bundled.
  external: (id) => !/^[./]|^@ai-bakery\/kernel/.test(id),
  output: { dir: 'bakery/dist', cleanDir: true, entryFileNames: '[name].js' },
};

export default defineConfig([
  {
    ...common,
    input,
    output: { file: 'ai-run/dist/ai-run.mjs', codeSplitting: false, charset, comments },
  },
  {
    ...common,
    input,
    output: {
      dir: 'ai-run/dist/run',
      cleanDir: true,
      entryFileNames: 'ai-run.script.js',
      format: 'cjs',
      // The script's value is this function, so that the starter need not wrap the text.
      postBanner: '(function (exports, __filename, __dirname) { "use strict";',
      postFooter: '})',
      codeSplitting: false,
      charset,
      comments,
    },
  },
  {
    ...common,
    input: './ai-run/startup/compiled.ts',
    output: { file: 'ai-run/dist/run/ai-run.mjs', charset, comments },
  },
  bakery,
]);
