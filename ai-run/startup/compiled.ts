#!/usr/bin/env node
/** Startup trick `compiled`: the installed program, which keeps V8's compiled code for the next start. */

import './node.ts';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { writeAtomic } from '../host/write-atomic.ts';

/**
 * Runs the command line as one script. Compiling takes a third of ai-run's time before docker runs. Node's own cache keeps a
 * module's state after loading, but V8 compiles most functions on their first call; so the code is kept after a session has
 * ended, in a folder that agents cannot reach. nodejs.org/api/vm.html#scriptcreatecacheddata
 */

/** The script's exports: see `cli.ts`. */
type Exports = { readonly ended?: Promise<boolean> };

/** Milliseconds after which kept code of other versions is removed: a month. */
const old = 30 * 24 * 60 * 60 * 1000;

const source = join(import.meta.dirname, 'ai-run.script.js');
const folder = join(homedir(), '.ai-run/compiled');

/** Returns the path of this script's code. V8 compares only the length of the source, but every installation changes the ctime. */
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
 * Keeps the code for the next start, which trusts its bytes: V8 checks only their header and length. Best effort, because
 * ai-run works without it.
 */
function keep(script: Script, path: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeAtomic(path, script.createCachedData());
    for (const one of readdirSync(folder).map((name) => join(folder, name)))
      if (Date.now() - statSync(one).mtimeMs > old) rmSync(one, { recursive: true, force: true });
  } catch {
    // Other code reports a full disk.
  }
}

const path = pathOf();
const cachedData = read(path);
// Startup trick `latin1`.
const script = new Script(readFileSync(source, 'latin1'), {
  filename: source,
  ...(cachedData === undefined ? {} : { cachedData }),
});
const exported: Exports = {};
const run: (exports: Exports, filename: string, dirname: string) => void =
  script.runInThisContext();
run(exported, source, import.meta.dirname);

/** Keeps the code of successful starts only, which have called the functions that others need. Replaces damaged code. */
async function finish(): Promise<void> {
  if ((await exported.ended) === true && script.cachedDataRejected !== false) keep(script, path);
}
void finish();
