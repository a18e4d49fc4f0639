/** Startup trick `preload`: a module is loaded while the program waits for the engine. */

/** Preloads node:child_process, which host/exec.ts needs later. */
export function preloadProcesses(): void {
  process.getBuiltinModule('node:child_process');
}
