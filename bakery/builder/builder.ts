/** The interface of a builder, and decorators that limit and repeat its builds. */

import pLimit from 'p-limit';
import type { Command } from '@ai-bakery/kernel/command.ts';
import type { Context } from '../plan/plan.rules.ts';

/** One call of `docker buildx`. */
export type Build = {
  /** Names the build in the display and in the logs: a layer's id, `push otter:go`. */
  readonly id: string;
  readonly command: Command;
  /** A bake file, which is the standard input, or the Dockerfile of `context`. */
  readonly input: string;
  /** The context of a Dockerfile: packed with it, it is the standard input. */
  readonly context?: Context;
  /** The contexts of a bake file: folders relative to its working directory. */
  readonly contexts?: readonly Context[];
};

export type BuildResult = {
  /** The build's id. */
  readonly id: string;
  readonly ok: boolean;
  /** Steps that ran; 0 if all came from the cache. */
  readonly executed: number;
  readonly milliseconds: number;
  /** File with all output of the build. */
  readonly log: string;
  /** The step that failed, its error, and the end of its output. */
  readonly error?: string;
  /** Whether it was ended because it showed no progress. */
  readonly stuck?: true;
};

export type Builder = {
  /**
   * Runs a build to its end.
   * @throws UserError E_INTERRUPTED, E_NO_PROGRAM, E_FILE; a build that fails is a result.
   */
  readonly build: (build: Build) => Promise<BuildResult>;
};

/** Runs so many builds at a time. */
export function limited(builder: Builder, atATime: number): Builder {
  const limit = pLimit(atATime);
  return { build: (one) => limit(() => builder.build(one)) };
}

/** Repeats builds as long as `repeat` does. */
export function repeated(
  builder: Builder,
  repeat: (attempt: () => Promise<BuildResult>) => Promise<BuildResult>,
): Builder {
  return { build: (one) => repeat(() => builder.build(one)) };
}
