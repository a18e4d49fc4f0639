/** Reads the progress of docker buildx, as raw JSON lines. */

import { z } from 'zod';
import { parseJson } from '@ai-bakery/kernel/json.ts';

/** One line of `--progress=rawjson`: BuildKit's SolveStatus. */
const SolveStatus = z.object({
  vertexes: z
    .array(
      z.object({
        digest: z.string(),
        name: z.string(),
        started: z.string().optional(),
        completed: z.string().optional(),
        cached: z.boolean().optional(),
        error: z.string().optional(),
      }),
    )
    .optional(),
  logs: z.array(z.object({ vertex: z.string(), data: z.string().optional() })).optional(),
  warnings: z.array(z.unknown()).optional(),
});

type Vertex = {
  readonly name: string;
  readonly cached: boolean;
  readonly error: string | undefined;
  readonly started: boolean;
  readonly completed: boolean;
};

/** The progress of a build so far. */
export type BuildRecord = {
  readonly vertices: ReadonlyMap<string, Vertex>;
  /** The plain text of the log that this line added. */
  readonly added: string;
  /** Last lines of output by vertex. */
  readonly tails: ReadonlyMap<string, string>;
};

export const emptyRecord: BuildRecord = { vertices: new Map(), added: '', tails: new Map() };

const tailLength = 2000;

/** Adds one line of progress; a line that is not JSON is text of the log (buildx prints errors that way). */
export function record(before: BuildRecord, line: string): BuildRecord {
  const status = parseJson(line, SolveStatus);
  if (status === undefined) return { ...before, added: `${line}\n` };
  const vertices = new Map(before.vertices);
  const tails = new Map(before.tails);
  let added = '';
  for (const { digest, name, started, completed, cached, error } of status.vertexes ?? []) {
    const known = vertices.get(digest);
    if (known?.started !== true && started !== undefined) added += `# ${name}\n`;
    if (error !== undefined && error !== '') added += `# ${name}: ${error}\n`;
    vertices.set(digest, {
      name,
      cached: cached ?? known?.cached ?? false,
      // BuildKit repeats the history of a step that another build shares: a step that starts again has not failed.
      error: error ?? (started === undefined ? known?.error : undefined),
      started: started !== undefined || (known?.started ?? false),
      completed: completed !== undefined || (known?.completed ?? false),
    });
  }
  for (const { vertex, data } of status.logs ?? []) {
    const text = Buffer.from(data ?? '', 'base64').toString();
    added += text;
    tails.set(vertex, `${tails.get(vertex) ?? ''}${text}`.slice(-tailLength));
  }
  return { vertices, added, tails };
}

/** Number of steps of the Dockerfile that ran, and of all steps. */
export function countSteps({ vertices }: BuildRecord): { executed: number; total: number } {
  const steps = [...vertices.values()].filter(isStep);
  return {
    total: steps.length,
    executed: steps.filter(({ cached, completed }) => completed && !cached).length,
  };
}

/** The running step, for people. */
export function currentStep({ vertices }: BuildRecord): string {
  return shortStep(
    [...vertices.values()].findLast(({ started, completed }) => started && !completed)?.name ?? '',
  );
}

/** The step that failed, and the end of its output. */
export function failure(
  all: BuildRecord,
): { readonly step: string; readonly error: string; readonly output: string } | undefined {
  const found = [...all.vertices].find(
    ([, { error }]) => error !== undefined && error !== '' && !/context canceled/.test(error),
  );
  if (found === undefined) return undefined;
  const [digest, { name, error }] = found;
  return {
    step: shortStep(name),
    // BuildKit prints the whole script before the reason.
    error: (error ?? '').replace(/^[\s\S]* did not complete successfully: /, ''),
    output: (all.tails.get(digest) ?? '').trimEnd().split('\n').slice(-12).join('\n'),
  };
}

function isStep({ name }: Vertex): boolean {
  return /^\[[^\]]*\] (RUN|COPY|ADD|WORKDIR)/.test(name);
}

/** A step without its mounts: `[agent 4/4] RUN <<EOF (set -eu...)`. */
function shortStep(name: string): string {
  return name.replaceAll(/ *--mount=\S+/g, '');
}
