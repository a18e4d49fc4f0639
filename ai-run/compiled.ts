import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Keeps what V8 makes of the code that is loaded from now on, for the next start: compiling is a third of what ai-run takes
 * before docker runs. In a folder of the user's own, which no agent gets: Node's own place is the temporary folder of all
 * users. A place that cannot be written, and code that has changed since, cost nothing but the time.
 * nodejs.org/api/module.html#module-compile-cache
 */
export const keepCompiled = (): void => {
  const folder = join(homedir(), '.ai-run/compiled');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    process.getBuiltinModule('node:module').enableCompileCache(folder);
  } catch {
    // It starts as well without.
  }
};
