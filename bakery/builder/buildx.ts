import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import type { Command } from '@ai-bakery/kernel/command.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import {
  bakeCommand,
  bakeFile,
  type BuildInputs,
  type EngineOutput,
  layerCommand,
} from './bake-file.rules.ts';
import type { Image, Layer } from '../plan/plan.rules.ts';
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

export type BuildContext = {
  readonly root: string;
  readonly inputs: BuildInputs;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Folder for the full log of every build. */
  readonly logs: string;
  /** How many layers are built at a time. */
  readonly builds: number;
  /** Build without the cache. */
  readonly force: boolean;
  /** Milliseconds for which a build may show nothing before it is ended. */
  readonly patience: number;
};

export type BuildResult = {
  /** A layer's id, or `images`. */
  readonly id: string;
  readonly ok: boolean;
  /** Steps that ran; 0 when all came from the cache. */
  readonly executed: number;
  readonly milliseconds: number;
  /** File with everything the build printed. */
  readonly log: string;
  /** Which step failed, with which error, and the last of its output. */
  readonly error?: string;
  /** Whether it was ended because it showed nothing any more. */
  readonly stuck?: true;
};

export const maximumTries = 4;

export function logName(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9._-]+/g, '-');
}

export async function build(
  id: string,
  command: Command,
  input: string,
  { root, display, signal, logs, patience }: BuildContext,
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
      cwd: root,
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

/** Wave 1: one build per layer, so that a layer that fails takes no other one with it. */
export async function buildLayers(
  layers: readonly Layer[],
  context: BuildContext,
): Promise<BuildResult[]> {
  const limit = pLimit(context.builds);
  return Promise.all(
    layers.map((layer) =>
      limit(() =>
        build(
          layer.id,
          layerCommand(layer, context.inputs, context.force),
          layer.dockerfile,
          context,
        ),
      ),
    ),
  );
}

/**
 * Images that are exported at the same time race for the snapshots they share, and the engine then says that one is
 * missing, exists already, or is locked. Nothing is lost: what was exported stays, and all layers are cached.
 */
export function isRace(error: string): boolean {
  return /snapshot \S+ does not exist|snapshot .*already exists|locked for|unavailable/.test(error);
}

/** Wave 2: all images in one call, into the engine, so that BuildKit sees every layer they share. */
export async function buildImages(
  images: readonly Image[],
  output: EngineOutput,
  context: BuildContext,
): Promise<BuildResult> {
  const again = (): Promise<BuildResult> =>
    build(
      `${images.length} ${images.length === 1 ? 'image' : 'images'}`,
      bakeCommand(context.inputs),
      JSON.stringify(bakeFile(images, output, context.inputs, context.force)),
      context,
    );
  let result = await again();
  for (let tries = 1; tries < maximumTries && isRace(result.error ?? ''); tries += 1)
    result = await again();
  return result;
}

/** A log that cannot be written to its end does not stop the build; one that cannot be begun does. */
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

/** @param patience milliseconds for which it was to show something. */
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
  // Who is killed has not said why.
  const said = signal === undefined ? lastLine : '';
  return { error: errorOf(all, `docker ended with ${signal ?? `exit code ${exitCode}`}`, said) };
}

/** What failed: the step and its output, or, where BuildKit names none, how docker ended and the last it said. */
function errorOf(all: BuildRecord, end: string, lastLine: string): string {
  const failed = failure(all);
  return redacted(
    failed === undefined
      ? [end, lastLine].filter((text) => text !== '').join(': ')
      : `${failed.step}: ${failed.error}${failed.output === '' ? '' : `\n${failed.output}`}`,
  );
}
