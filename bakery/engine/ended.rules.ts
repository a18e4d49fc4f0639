/** The end of a container, as the engine reports it. */

export type Ended = {
  /**
   * - `exited`: its program ended.
   * - `out of memory`: the kernel killed one of its processes at the memory limit.
   * - `out of time`: it was killed after its time.
   * - `refused`: the engine did not start it because of the image, which lacks the program for example.
   * - `broken`: the engine failed to start it, and nothing of the image ran.
   */
  readonly end: 'exited' | 'out of memory' | 'out of time' | 'refused' | 'broken';
  /** The engine's `State.ExitCode`: 127 for a program that does not exist, 126 for one that cannot be executed. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The engine's own words, if it did not start. */
  readonly error: string;
};

/** The exit code of `docker run` for a container that could not be made. docs.docker.com/engine/containers/run/#exit-status */
export const couldNotCreate = 125;

/** The end of a container that the engine did not start: it answers 4xx if the image is at fault, 5xx if it failed itself. */
export function endOfRefusal(status: number): Ended['end'] {
  return status < 500 ? 'refused' : 'broken';
}
