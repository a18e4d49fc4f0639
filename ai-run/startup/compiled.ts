#!/usr/bin/env node
import './node.ts';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { writeAtomic } from '../host/write-atomic.ts';

/**
 * What the package installs as `ai-run`: the command line as one script, whose compiled code is kept for the next start, because
 * compiling is a third of what ai-run takes before docker runs. Node's own cache keeps a module as it is after loading, and V8
 * compiles most functions when they are first called: what is kept here is made when a session has ended. In a folder of the
 * user's own, which no agent gets. nodejs.org/api/vm.html#scriptcreatecacheddata
 */

/** What the script leaves, see `cli.ts`. */
type Exports = { readonly ended?: Promise<boolean> };

/** Milliseconds after which code is removed that no ai-run of today needs: a month. */
const old = 30 * 24 * 60 * 60 * 1000;

const source = join(import.meta.dirname, 'ai-run.script.js');
const folder = join(homedir(), '.ai-run/compiled');

/** Where the code of this very script is: V8 compares the length of the source only, and whatever installs a file changes its ctime. */
function pathOf(): string {
  const { ctimeMs, size } = statSync(source);
  return join(folder, `${process.version}-${process.arch}-${ctimeMs}-${size}`);
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Keeps the code for the next start. That trusts its bytes: V8 checks no more than their head and their length. Never fails: it
 * goes without, too.
 */
function keep(script: Script, path: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeAtomic(path, script.createCachedData());
    for (const one of readdirSync(folder).map((name) => join(folder, name)))
      if (Date.now() - statSync(one).mtimeMs > old) rmSync(one, { recursive: true, force: true });
  } catch {
    // A full disk is for others to report.
  }
}

const path = pathOf();
const cachedData = read(path);
// One byte per letter, as the build writes it: V8 reads that faster.
const script = new Script(readFileSync(source, 'latin1'), {
  filename: source,
  ...(cachedData === undefined ? {} : { cachedData }),
});
const exported: Exports = {};
const run: (exports: Exports, filename: string, dirname: string) => void =
  script.runInThisContext();
run(exported, source, import.meta.dirname);

/** Not of a start that failed: what the others need would be missing. What is damaged is made again. */
async function finish(): Promise<void> {
  if ((await exported.ended) === true && script.cachedDataRejected !== false) keep(script, path);
}
void finish();
