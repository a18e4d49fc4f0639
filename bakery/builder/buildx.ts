/** The builder that runs `docker buildx`, with the progress in the display and the output in a log. */

import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { redacted } from '@ai-bakery/kernel/text.ts';
import type { Build, Builder, BuildResult } from './builder.ts';
import {
  type BuildRecord,
  countSteps,
  currentStep,
  emptyRecord,
  failure,
  record,
} from './progress.rules.ts';
import type { Display } from '../host/display.ts';
import { type Outcome, run } from '../host/exec.ts';
import { cannotWrite } from '../host/write.ts';
import { packContext, withContexts } from './packed-context.ts';

type BuildxOptions = {
  /** The checkout: build contexts are relative to it. */
  readonly root: string;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Folder for the full log of every build. */
  readonly logs: string;
  /** Milliseconds for which a build may show no progress before it is ended. */
  readonly patience: number;
};

export function logName(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9._-]+/g, '-');
}

export function openBuildx(options: BuildxOptions): Builder {
  const { root } = options;
  return {
    build: async (one) => {
      const { input, context, contexts } = one;
      if (contexts !== undefined)
        return withContexts(root, contexts, (folder) => build(one, input, folder, options));
      const bytes = context === undefined ? input : await packContext(root, context, input);
      return build(one, bytes, root, options);
    },
  };
}

async function build(
  { id, command }: Build,
  input: string | Uint8Array,
  cwd: string,
  { display, signal, logs, patience }: BuildxOptions,
): Promise<BuildResult> {
  const log = join(logs, `${logName(id)}.log`);
  const file = await openLog(log);
  const started = performance.now();
  let all = emptyRecord;
  let lastLine = '';
  display.start(id);
  try {
    const outcome = await run(command, {
      input,
      cwd,
      signal,
      silence: patience,
      onLine: (line) => {
        all = record(all, line);
        if (all.added !== '') {
          file.write(redacted(all.added));
          lastLine = all.added.trim().split('\n').at(-1) ?? lastLine;
        }
        display.detail(id, currentStep(all));
      },
    });
    const ok = outcome.exitCode === 0;
    const { executed } = countSteps(all);
    display.end(id, ok ? 'done' : 'failed', ok ? (executed === 0 ? 'cached' : '') : `see ${log}`);
    return {
      id,
      ok,
      executed,
      milliseconds: performance.now() - started,
      log,
      ...(ok ? {} : faultOf(outcome, all, lastLine, patience)),
    };
  } finally {
    file.end();
  }
}

/** A log that cannot be opened stops the build; one that cannot be written to its end does not. */
async function openLog(path: string): Promise<WriteStream> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = createWriteStream(path);
    await once(file, 'open');
    file.on('error', () => undefined);
    return file;
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** @param patience milliseconds for which the build could show no progress. */
function faultOf(
  { exitCode, signal, timedOut }: Outcome,
  all: BuildRecord,
  lastLine: string,
  patience: number,
): Pick<BuildResult, 'error' | 'stuck'> {
  if (timedOut) {
    const error = `docker showed nothing for ${patience / 1000} s and was ended; "patience" in bakery.yaml says how long it may`;
    return { error, stuck: true };
  }
  // A killed process's last line is not the reason.
  const said = signal === undefined ? lastLine : '';
  return { error: errorOf(all, `docker ended with ${signal ?? `exit code ${exitCode}`}`, said) };
}

/** The step that failed and its output; if BuildKit names no step, docker's exit code and last line. */
function errorOf(all: BuildRecord, end: string, lastLine: string): string {
  const failed = failure(all);
  return redacted(
    failed === undefined
      ? [end, lastLine].filter((text) => text !== '').join(': ')
      : `${failed.step}: ${failed.error}${failed.output === '' ? '' : `\n${failed.output}`}`,
  );
}
