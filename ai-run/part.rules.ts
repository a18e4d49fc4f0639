import type { Mount } from '@ai-bakery/kernel/policy.ts';

/**
 * What one concern of a session (its workspace, its home, its repository, …) adds to the container, and what has to
 * happen when the container has ended. A session is made of parts that know nothing of each other.
 */
export type Part = {
  readonly mounts?: readonly Mount[];
  /** Values the agent may see; never secrets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Secret variables by name: values travel in the environment of the docker process only. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** What the user should know before it starts, one line each. */
  readonly notes?: readonly string[];
  /** Runs after the container has ended, however it ended; returns what the user should know, one line each. */
  readonly finish?: () => Promise<readonly string[]>;
};
