import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ended } from './bakery.ts';

const root = join(import.meta.dirname, '../..');
const cli = join(root, 'ai-run/cli/cli.ts');

/** A user with a home of their own, and programs of their own on PATH; no engine. */
export type Home = {
  readonly path: string;
  readonly file: (name: string) => string;
  /** Puts a shell script on PATH. */
  readonly program: (name: string, script: string) => void;
  /** Runs a program as that user. */
  readonly run: (
    file: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) => Promise<Ended>;
  readonly aiRun: (...args: readonly string[]) => Promise<Ended>;
  readonly remove: () => void;
};

export const makeHome = (): Home => {
  const path = mkdtempSync(join(tmpdir(), 'ai-run-home-'));
  const bin = join(path, 'bin');
  mkdirSync(bin);
  const run: Home['run'] = (file, args, env) =>
    new Promise((resolve) => {
      const child = execFile(
        file,
        args,
        {
          cwd: path,
          env: {
            HOME: path,
            PATH: `${bin}:/usr/bin:/bin`,
            TERM: 'dumb',
            // Compiled once for all runs: most of the time goes into reading the sources.
            NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/ai-run'),
            ...env,
          },
        },
        (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : (child.exitCode ?? 1), stdout, stderr }),
      );
      child.stdin?.end();
    });
  const program: Home['program'] = (name, script) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  // Its arguments, and the real program for completion.
  program(
    'ai-run',
    `[ "$1" = completion ] && exec '${process.execPath}' '${cli}' "$@"\nprintf '[%s]' ai-run "$@"`,
  );
  return {
    path,
    file: (name) => join(path, name),
    program,
    run,
    aiRun: (...args) => run(process.execPath, [cli, ...args]),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
};
