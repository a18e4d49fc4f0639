/** Runs one container to its end through the engine's API, and removes containers. */

import { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Command } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { run } from '../host/exec.ts';
import { couldNotCreate, type Ended, endOfRefusal } from './ended.rules.ts';
import { type Engine, reasonOf, statusOf } from './engine.ts';

export type Limits = {
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
};

type Container = ReturnType<Engine['docker']['getContainer']>;

/** Milliseconds that the engine may take to end a container that it was told to kill. */
const killPatience = 30_000;

/** Bytes of one stream that are kept. */
const longestOutput = 16 * 1024 * 1024;

// docs.docker.com/reference/api/engine/version/v1.49/#tag/Container/operation/ContainerInspect
const Inspected = z.object({
  State: z.object({ ExitCode: z.number(), OOMKilled: z.boolean(), Error: z.string() }),
});

/**
 * Makes a container, runs it to its end and removes it, however it ends.
 * @param create a `docker create` command.
 * @throws UserError E_INTERRUPTED if `signal` is aborted, E_NO_ENGINE if the engine stops answering.
 */
export async function runContainer(
  { docker }: Engine,
  create: Command,
  limits: Limits,
): Promise<Ended> {
  const created = await run(create, { signal: limits.signal, timeout: limits.timeout });
  if (created.exitCode !== 0) {
    const error = created.stderr.trim();
    const end = created.timedOut ? 'out of time' : 'refused';
    return { end, exitCode: couldNotCreate, stdout: '', stderr: '', error };
  }
  const container = docker.getContainer(created.stdout.trim());
  try {
    return await follow(docker, container, limits);
  } catch (error) {
    if (error instanceof UserError || statusOf(error) !== undefined) throw error;
    throw new UserError('E_NO_ENGINE', `the Docker engine does not answer: ${reasonOf(error)}`, {
      hint: 'see whether it still runs, with `docker version`',
      cause: error,
    });
  } finally {
    await discard(container);
  }
}

/**
 * Removes every container with this label, running or not.
 * @param label `name=value`, or a name alone, whose values `matches` judges.
 * @returns the number of containers.
 */
export async function removeContainers(
  { docker }: Engine,
  label: string,
  matches: (value: string) => boolean = () => true,
): Promise<number> {
  const listed = await docker.listContainers({ all: true, filters: { label: [label] } });
  const containers = listed.filter(({ Labels }) => matches(Labels[label] ?? ''));
  await Promise.all(containers.map(({ Id }) => discard(docker.getContainer(Id))));
  return containers.length;
}

/** Reads the output from before the start on, so that not a byte is missed. */
async function follow(
  docker: Engine['docker'],
  container: Container,
  { timeout, signal }: Limits,
): Promise<Ended> {
  const output = await container.attach({ stream: true, stdout: true, stderr: true });
  const [stdout, stderr] = [collector(), collector()];
  docker.modem.demuxStream(output, stdout.stream, stderr.stream);
  const drained = finished(output, { writable: false }).catch(() => undefined);
  try {
    const refusal = await start(container);
    const late = refusal === undefined && (await outlives(container, timeout, signal));
    if (refusal === undefined) await Promise.race([drained, sleep(killPatience, undefined, quiet)]);
    const { State } = Inspected.parse(await container.inspect());
    const texts = { stdout: stdout.text(), stderr: stderr.text() };
    if (refusal !== undefined)
      return { ...refusal, ...texts, exitCode: State.ExitCode || couldNotCreate };
    const end = late ? 'out of time' : State.OOMKilled ? 'out of memory' : 'exited';
    return { end, ...texts, exitCode: State.ExitCode, error: State.Error };
  } finally {
    // The output of a container that did not start never ends by itself.
    if (output instanceof Readable) output.destroy();
  }
}

/** A timer that does not keep the process alive. */
const quiet = { ref: false } as const;

/** Returns why it did not start; undefined if it did. */
async function start(container: Container): Promise<Pick<Ended, 'end' | 'error'> | undefined> {
  try {
    await container.start();
    return undefined;
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    return { end: endOfRefusal(status), error: reasonOf(error) };
  }
}

/** Waits for a container's end, and kills it after its time. Returns whether it was killed. */
async function outlives(
  container: Container,
  timeout: number,
  signal: AbortSignal,
): Promise<boolean> {
  const ended = container.wait().then(() => 'ended' as const);
  // Nobody waits for it after an interruption.
  ended.catch(() => undefined);
  const timers = new AbortController();
  const over = AbortSignal.any([signal, timers.signal]);
  const after = (milliseconds: number) =>
    sleep(milliseconds, 'late' as const, { signal: over }).catch(() => 'interrupted' as const);
  try {
    const first = await Promise.race([ended, after(timeout)]);
    if (first === 'late') {
      await container.kill().catch(() => undefined);
      await Promise.race([ended, after(killPatience)]);
    }
    if (signal.aborted) throw new UserError('E_INTERRUPTED', 'interrupted');
    return first === 'late';
  } finally {
    timers.abort();
  }
}

/** Another remove may come first, and one that is under way is enough. */
async function discard(container: Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    const status = statusOf(error);
    if (status !== 404 && status !== 409) throw error;
  }
}

/** Keeps the first bytes of a stream and reads on, so that the program is not held up. */
function collector(): { readonly stream: Writable; readonly text: () => string } {
  const chunks: Buffer[] = [];
  let size = 0;
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      if (size < longestOutput) chunks.push(chunk.subarray(0, longestOutput - size));
      size += chunk.length;
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
